"""Drafts and the one call that submits."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from case_svc.cases import numbers, steps
from case_svc.cases.applications import Application, Given
from case_svc.cases.clock import Limit, Unit, shanghai
from case_svc.cases.errors import IllegalMove, PowerMissing
from case_svc.cases.events import CaseSubmitted
from case_svc.cases.lifecycle import Action, State, possible
from case_svc.cases.models import Case, CaseMaterial
from case_svc.cases.queries.calendar import calendar_named
from case_svc.cases.queries.cases import is_applicant
from case_svc.cases.queries.clocks import NOTIFY
from case_svc.cases.usecases.checking import Standing, needed_materials, standing
from case_svc.cases.usecases.clocks import new_clock, set_due
from case_svc.cases.usecases.contents import announce_claims, new_materials, read_json, write_json
from case_svc.cases.usecases.filing import file_case
from case_svc.cases.usecases.moves import facts, moved, settings_of
from case_svc.cases.usecases.tasks import new_task
from case_svc.tables import new_row
from chassis.auth import Actor
from chassis.clock import new_id, now, random_digits
from chassis.db import context
from chassis.outbox import record
from chassis.signing import sign

_SORTED = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"))
RECEIPT_TYPE = "onenet-receipt+jwt"


@dataclass(frozen=True)
class Submitted:
    """A case with what only its applicant gets to know."""

    case: Case
    query_code: str | None
    receipt: str | None
    materials: list[CaseMaterial]


async def submit_case(
    session: AsyncSession,
    actor: Actor,
    item_id: UUID,
    company_id: UUID | None,
    application: Application,
) -> Submitted:
    """Everything in one transaction: number, form, materials, history, task, clock, receipt."""
    stands = await standing(session, actor, item_id, company_id, application.materials)
    case = _new_case(actor, stands)
    return await _submit(session, actor, case, stands, application)


async def save_draft(
    session: AsyncSession,
    actor: Actor,
    item_id: UUID,
    company_id: UUID | None,
    application: Application,
) -> Submitted:
    """Whatever there is so far; it is checked when it is submitted."""
    case = _new_case(actor, await standing(session, actor, item_id, company_id))
    case.draft = write_json(session, asdict(application))
    session.add(case)
    await session.flush()
    return Submitted(case, None, None, [])


async def change_draft(
    session: AsyncSession, actor: Actor, case: Case, changes: Mapping[str, Any]
) -> Case:
    """Form keys and answers are merged (null removes one), materials replace the list."""
    if case.state is not State.DRAFT:
        raise IllegalMove(case.state, "PATCH", possible(case.state))
    before = _draft_of(session, case)
    after = Application(
        answers=_merged(before.answers, changes.get("answers")),
        form=_merged(before.form, changes.get("form")),
        materials=before.materials if changes.get("materials") is None else changes["materials"],
    )
    if "on_behalf_of" in changes and changes["on_behalf_of"] != case.company_id:
        stands = await standing(session, actor, case.item_id, changes["on_behalf_of"])
        case.company_id, case.applicant_type = stands.company_id, stands.applicant_type
    case.draft = write_json(session, asdict(after))
    case.version += 1
    return case


async def submit_draft(session: AsyncSession, actor: Actor, case: Case) -> Submitted:
    """The draft as it stands, against the guide as it stands now."""
    if not await is_applicant(session, actor, case, "apply"):
        raise PowerMissing(power="apply")
    if case.state is not State.DRAFT:
        raise IllegalMove(case.state, Action.SUBMIT, possible(case.state))
    application = _draft_of(session, case)
    given = application.materials
    stands = await standing(session, actor, case.item_id, case.company_id, given)
    for name, value in _named(stands).items():
        setattr(case, name, value)
    case.draft = None
    return await _submit(session, actor, case, stands, application)


def query_code_of(session: AsyncSession, case: Case) -> str | None:
    box = case.query_code
    return context(session).vault.decrypt(box) if box else None


async def _submit(
    session: AsyncSession, actor: Actor, case: Case, stands: Standing, application: Application
) -> Submitted:
    needed = needed_materials(stands.guide, stands.applicant_type, application, stands.ground.owned)
    code = random_digits(numbers.QUERY_CODE_LENGTH)
    case.query_code = context(session).vault.encrypt(code)
    case.form = write_json(session, application.form)
    case.answers = write_json(session, application.answers)
    case.submitted_at = case.received_at = now()
    entry = moved(case, Action.SUBMIT, actor)
    given = new_materials(case, needed, application.materials)
    limit = Limit(settings_of(session).notify_days, Unit.WORKING_DAY)
    calendar = await calendar_named(session, *stands.ground.calendar)
    clock = new_clock(calendar, case, NOTIFY, limit, case.received_at)
    task = new_task(case, steps.first(stands.guide))
    set_due(calendar, task)
    await file_case(session, case, [*given, entry, task, clock])
    await record(session, CaseSubmitted(**facts(case)))
    await announce_claims(session, case, given)
    receipt = await _receipt(session, case, application)
    return Submitted(case, code, receipt, given)


def _new_case(actor: Actor, stands: Standing) -> Case:
    return new_row(
        Case,
        case_id=new_id(),
        item_id=stands.item.item_id,
        person_id=actor.id,
        company_id=stands.company_id,
        status=str(State.DRAFT),
        created_at=now(),
        rated=[],
        version=1,
        **_named(stands),
    )


def _named(stands: Standing) -> dict[str, Any]:
    """The version is frozen at submission; a draft moves on with the guide until then."""
    item = stands.item
    return {
        "item_version": item.version,
        "item_code": item.item_code,
        "item_name": item.name,
        "task_code": item.task_code,
        "task_type": item.task_type,
        "project_type": stands.guide["project_type"],
        "department_code": item.department_code,
        "department_name": item.department_name,
        "region_code": item.region_code,
        "region_name": item.region_name,
        "applicant_type": stands.applicant_type,
    }


async def _receipt(session: AsyncSession, case: Case, application: Application) -> str:
    """What the applicant can prove: this, at this moment, with this content."""
    settings = settings_of(session)
    assert case.received_at is not None
    payload = {
        "iss": settings.issuer,
        "case_id": str(case.case_id),
        "case_no": case.case_no,
        "item": {
            "item_id": str(case.item_id),
            "item_code": case.item_code,
            "name": case.item_name,
            "version": case.item_version,
        },
        "department": {"code": case.department_code, "name": case.department_name},
        "submitted_at": case.received_at.isoformat().replace("+00:00", "Z"),
        "received_on": shanghai(case.received_at).isoformat(),
        "form_sha256": digest(dict(application.form)),
        "materials_sha256": digest([_plain(one) for one in application.materials]),
    }
    return await sign(session, payload, typ=RECEIPT_TYPE)


def digest(content: Mapping[str, Any] | Sequence[Any]) -> str:
    """SHA-256 over JSON with sorted keys, no spaces, UTF-8: anyone can compute it again."""
    return hashlib.sha256(_SORTED.encode(content).encode()).hexdigest()


def _plain(given: Given) -> dict[str, Any]:
    """The material as it was sent."""
    if given.file_id is not None:
        return {"material_id": given.material_id, "file_id": str(given.file_id)}
    if given.certificate_code is not None:
        return {"material_id": given.material_id, "certificate_code": given.certificate_code}
    return {"material_id": given.material_id, "promise": True}


def _draft_of(session: AsyncSession, case: Case) -> Application:
    assert case.draft is not None
    content = read_json(session, case.draft)
    given = [
        replace(Given(**one), file_id=UUID(one["file_id"]) if one["file_id"] else None)
        for one in content["materials"]
    ]
    return Application(content["answers"], content["form"], given)


def draft_of(session: AsyncSession, case: Case) -> Application:
    """What a draft holds so far."""
    return _draft_of(session, case)


def _merged(before: Mapping[str, Any], changes: Mapping[str, Any] | None) -> dict[str, Any]:
    both = {**before, **(changes or {})}
    return {name: value for name, value in both.items() if value is not None}
