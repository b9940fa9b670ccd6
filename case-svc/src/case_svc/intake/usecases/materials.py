"""Rows of the materials of a case, and the claims that `exchange` checks."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import select

from case_svc.cases.events import CertificateClaimed
from case_svc.cases.models import Case, CaseMaterial
from case_svc.cases.queries import lock_case
from case_svc.cases.rules.lifecycle import MaterialState
from case_svc.cases.usecases import add_history_entry, event_fields
from case_svc.intake.rules.applications import SentMaterial
from case_svc.items.rules.materials import Material, is_fetched
from chassis.clock import new_id, now, today
from chassis.database.sessions import WriteSession
from chassis.outbox import record

# Why a claim failed, as the applicant reads it.
_FAILURES: Final = {
    "unknown": "没有查到属于申请人的这份证照，请核对证照编码",
    "wrong_type": "证照种类不符合此项材料的要求",
    "suspended": "证照已被暂停使用",
    "revoked": "证照已被撤销",
    "expired": "证照已过有效期",
}


def add_materials(
    session: WriteSession, case: Case, needed: Iterable[Material], sent: Sequence[SentMaterial]
) -> list[CaseMaterial]:
    """A row for each material sent, and for each other the authority fetches itself."""
    by_id = {material["material_id"]: material for material in needed}
    rows = [_row(case, by_id[each.material_id], each) for each in sent]
    present = {each.material_id for each in sent}
    rows += [
        _row(case, material, None)
        for material_id, material in by_id.items()
        if is_fetched(material) and material_id not in present
    ]
    session.add_all(rows)
    return rows


async def announce_claims(session: WriteSession, case: Case, rows: Iterable[CaseMaterial]) -> None:
    """`exchange` checks each claimed certificate and publishes the outcome."""
    for row in rows:
        if row.claim_id is not None:
            claim = CertificateClaimed(
                **event_fields(case),
                claim_id=row.claim_id,
                material_id=row.material_id,
                certificate_code=row.certificate_code or "",
                certificate_type=row.certificate_type,
            )
            await record(session, claim)


async def conclude_claim(
    session: WriteSession, claim_id: UUID, *, valid: bool, reason: str | None
) -> None:
    """Pending becomes verified or failed, once; a replaced claim does not matter any more."""
    statement = select(CaseMaterial).where(CaseMaterial.claim_id == claim_id)
    material = await session.scalar(statement)
    if material is None:
        return
    case = await lock_case(session, material.case_id)
    assert case is not None
    await session.refresh(material)
    if material.state != MaterialState.PENDING or not material.is_present:
        return
    if valid:
        material.state, material.reason = MaterialState.VERIFIED, None
    else:
        material.state = MaterialState.FAILED
        material.reason = _FAILURES.get(reason or "", "电子证照核验未通过")
    action = "claim-verified" if valid else "claim-failed"
    add_history_entry(session, case, action, note=material.name)


def _row(case: Case, material: Mapping[str, Any], sent: SentMaterial | None) -> CaseMaterial:
    """Without anything sent, the material is one the authority fetches."""
    row = CaseMaterial(
        case_material_id=new_id(),
        case=case,
        material_id=material["material_id"],
        name=material["name"],
        state=sent.state if sent else MaterialState.SHARED,
        required=material["need"] == "required",
        given_at=now(),
    )
    if sent is None:
        return row
    row.file_id, row.certificate_code = sent.file_id, sent.certificate_code
    if sent.state is MaterialState.PENDING:
        row.claim_id, row.certificate_type = new_id(), material["certificate_type"]
    elif sent.state is MaterialState.PROMISED:
        row.promised_until = today() + timedelta(days=int(material["promise_days"] or 0))
    return row
