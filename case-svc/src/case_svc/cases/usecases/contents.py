"""Form, answers and materials of a case: encrypted content and its rows."""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from pydantic_core import to_json
from sqlalchemy.ext.asyncio import AsyncSession

from case_svc.cases.applications import Given
from case_svc.cases.events import CertificateClaimed
from case_svc.cases.models import Case, CaseMaterial
from case_svc.cases.usecases.moves import facts
from case_svc.tables import new_row
from chassis.clock import new_id, now, today
from chassis.db import context
from chassis.outbox import record


def write_json(session: AsyncSession, content: Mapping[str, Any]) -> bytes:
    return context(session).vault.encrypt(to_json(content).decode())


def read_json(session: AsyncSession, box: bytes | None) -> dict[str, Any]:
    if box is None:
        return {}
    found: dict[str, Any] = json.loads(context(session).vault.decrypt(box))
    return found


def add_materials(
    session: AsyncSession,
    case: Case,
    needed: Sequence[Mapping[str, Any]],
    given: Iterable[Given],
    *,
    fetched: bool = True,
) -> list[CaseMaterial]:
    """A row for each material given, and for each the authority fetches itself (`shared`)."""
    rows = new_materials(case, needed, given, fetched=fetched)
    session.add_all(rows)
    return rows


def new_materials(
    case: Case, needed: Sequence[Mapping[str, Any]], given: Iterable[Given], *, fetched: bool = True
) -> list[CaseMaterial]:
    by_id = {one["material_id"]: one for one in needed}
    given = list(given)
    sent = {one.material_id for one in given}
    rows = [_given(case, by_id[one.material_id], one) for one in given]
    if fetched:
        shared = [one for one in needed if one["source"] == "shared_data"]
        rows += [_fetched(case, one) for one in shared if one["material_id"] not in sent]
    return rows


async def announce_claims(session: AsyncSession, case: Case, rows: Iterable[CaseMaterial]) -> None:
    """`exchange` checks each claimed certificate and tells the outcome by event."""
    for one in rows:
        if one.claim_id is None:
            continue
        await record(
            session,
            CertificateClaimed(
                **facts(case),
                claim_id=one.claim_id,
                material_id=one.material_id,
                certificate_code=one.certificate_code or "",
                certificate_type=one.certificate_type,
            ),
        )


def _given(case: Case, material: Mapping[str, Any], given: Given) -> CaseMaterial:
    row = _row(case, material, "supplied")
    if given.file_id is not None:
        row.file_id = given.file_id
    elif given.certificate_code is not None:
        row.state, row.claim_id = "pending", new_id()
        row.certificate_code = given.certificate_code
        row.certificate_type = material["certificate_type"]
    else:
        row.state = "promised"
        row.promised_until = today() + timedelta(days=int(material["promise_days"] or 0))
    return row


def _fetched(case: Case, material: Mapping[str, Any]) -> CaseMaterial:
    return _row(case, material, "shared")


def _row(case: Case, material: Mapping[str, Any], state: str) -> CaseMaterial:
    return new_row(
        CaseMaterial,
        case_material_id=new_id(),
        case_id=case.case_id,
        material_id=material["material_id"],
        name=material["name"],
        state=state,
        required=material["need"] == "required",
        given_at=now(),
    )
