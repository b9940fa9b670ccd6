"""Drafts and submission: everything in one transaction, with a receipt."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert

from case_svc.cases.errors import IllegalMove
from case_svc.cases.events import CaseSubmitted
from case_svc.cases.models import Case, CaseCounter, CaseMaterial
from case_svc.cases.queries import powers_of
from case_svc.cases.rules import steps
from case_svc.cases.rules.lifecycle import Action, State, possible
from case_svc.cases.usecases import (
    decrypt_json,
    encrypt_json,
    event_fields,
    open_case,
    open_task,
    start_clock,
    transition,
)
from case_svc.clocks.queries import load_calendar
from case_svc.clocks.rules.legal_time import ClockKind, Limit, Unit, shanghai
from case_svc.intake.errors import InsufficientMandate
from case_svc.intake.rules import numbers
from case_svc.intake.rules.applications import Application, SentMaterial
from case_svc.intake.usecases.eligibility import Eligibility, check_application, check_eligibility
from case_svc.intake.usecases.materials import add_materials, announce_claims
from case_svc.parties.rules.powers import Power
from case_svc.settings import settings_of
from chassis.auth import Actor
from chassis.clock import new_id, now, random_digits, today
from chassis.database.sessions import WriteSession, process_of
from chassis.outbox import record
from chassis.signing import sign


class Submitted(NamedTuple):
    """A new case with what only its applicant gets to know; a draft has no code and no receipt."""

    case: Case
    powers: frozenset[str]
    materials: list[CaseMaterial]
    query_code: str | None = None
    receipt: str | None = None


def new_case(actor: Actor, eligibility: Eligibility) -> Case:
    return Case(
        case_id=new_id(),
        item_id=eligibility.item.item_id,
        person_id=actor.id,
        status=State.DRAFT,
        created_at=now(),
        version=1,
        **eligibility.case_fields(),
    )


async def save_draft(
    session: WriteSession,
    actor: Actor,
    item_id: UUID,
    company_id: UUID | None,
    application: Application,
) -> Submitted:
    eligibility = await check_eligibility(session, actor, item_id, company_id)
    case = new_case(actor, eligibility)
    case.draft = encrypt_json(session, asdict(application))
    session.add(case)
    return Submitted(case, eligibility.powers, [])


async def change_draft(
    session: WriteSession, actor: Actor, case_id: UUID, changes: Mapping[str, Any], match: str
) -> None:
    """Form keys and answers are merged (null removes one), materials replace the list."""
    case = await open_case(session, actor, case_id, match)
    if case.state is not State.DRAFT:
        raise IllegalMove(case.state, "PATCH", possible(case.state))
    after = draft_of(session, case).changed(changes)
    if "on_behalf_of" in changes and changes["on_behalf_of"] != case.company_id:
        company_id = changes["on_behalf_of"]
        eligibility = await check_eligibility(session, actor, case.item_id, company_id)
        case.company_id, case.applicant_type = company_id, eligibility.applicant_type
    case.draft = encrypt_json(session, asdict(after))
    case.version += 1


def draft_of(session: WriteSession, case: Case) -> Application:
    content = decrypt_json(session, case.draft)
    materials = [
        replace(SentMaterial(**sent), file_id=UUID(sent["file_id"]) if sent["file_id"] else None)
        for sent in content["materials"]
    ]
    return Application(**content | {"materials": materials})


def application_of(session: WriteSession, case: Case) -> Application:
    """What the case holds since its submission; its materials are rows of their own."""
    return Application(decrypt_json(session, case.answers), decrypt_json(session, case.form))


def write_application(session: WriteSession, case: Case, application: Application) -> None:
    case.form = encrypt_json(session, application.form)
    case.answers = encrypt_json(session, application.answers)


_SORTED = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"))
RECEIPT_TYPE = "onenet-receipt+jwt"


async def submit_case(
    session: WriteSession,
    actor: Actor,
    item_id: UUID,
    company_id: UUID | None,
    application: Application,
) -> Submitted:
    eligibility = await check_eligibility(session, actor, item_id, company_id)
    case = new_case(actor, eligibility)
    return await _submit(session, actor, case, eligibility, application)


async def submit_draft(
    session: WriteSession, actor: Actor, case_id: UUID, match: str | None
) -> Submitted:
    """The draft as it stands, against the guide as it stands now."""
    case = await open_case(session, actor, case_id, match)
    powers = await powers_of(session, actor, case.person_id, case.company_id, case.item_code)
    if Power.APPLY not in powers:
        raise InsufficientMandate(power=Power.APPLY)
    if case.state is not State.DRAFT:
        raise IllegalMove(case.state, Action.SUBMIT, possible(case.state))
    application = draft_of(session, case)
    eligibility = await check_eligibility(session, actor, case.item_id, case.company_id)
    for name, value in eligibility.case_fields().items():
        setattr(case, name, value)
    case.draft = None
    return await _submit(session, actor, case, eligibility, application)


async def _submit(
    session: WriteSession,
    actor: Actor,
    case: Case,
    eligibility: Eligibility,
    application: Application,
) -> Submitted:
    """Number, form, materials, history, task, clock, event and receipt."""
    item = (case.item_id, case.item_version)
    kind = eligibility.applicant_type
    needed = await check_application(session, actor, item, kind, application)
    calendar = await load_calendar(session)
    query_code, moment = random_digits(numbers.QUERY_CODE_LENGTH), now()
    case.query_code = process_of(session).vault.encrypt(query_code)
    write_application(session, case, application)
    case.submitted_at = case.received_at = moment
    case.case_no = await _next_number(session, case)
    session.add(case)
    transition(session, case, Action.SUBMIT, actor)
    rows = add_materials(session, case, needed, application.materials)
    limit = Limit(settings_of(session).notify_days, Unit.WORKING_DAY)
    start_clock(session, case, ClockKind.NOTIFY, limit, calendar, moment)
    open_task(session, case, steps.first(eligibility.guide), calendar)
    await record(session, CaseSubmitted(**event_fields(case)))
    await announce_claims(session, case, rows)
    receipt = await _receipt(session, case, application)
    return Submitted(case, eligibility.powers, rows, query_code, receipt)


async def _next_number(session: WriteSession, case: Case) -> str:
    """The counter's row stays locked until the commit: no number is lost or given twice."""
    prefix = numbers.prefix(
        task_code=case.task_code, region_code=case.region_code, item_code=case.item_code
    )
    received_on = today()
    counter = insert(CaseCounter).values(prefix=prefix, received_on=received_on, last=1)
    counted = counter.on_conflict_do_update(
        index_elements=["prefix", "received_on"], set_={"last": CaseCounter.last + 1}
    )
    sequence = (await session.execute(counted.returning(CaseCounter.last))).scalar_one()
    return numbers.case_number(prefix, received_on, sequence)


async def _receipt(session: WriteSession, case: Case, application: Application) -> str:
    """What the applicant can prove: this, at this moment, with this content."""
    assert case.received_at is not None
    payload = {
        "iss": settings_of(session).issuer,
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
        "materials_sha256": digest([sent.as_sent() for sent in application.materials]),
    }
    return await sign(session, payload, typ=RECEIPT_TYPE)


def digest(content: Mapping[str, Any] | Sequence[Any]) -> str:
    """SHA-256 over JSON with sorted keys, no spaces, UTF-8: anyone can compute it again."""
    return hashlib.sha256(_SORTED.encode(content).encode()).hexdigest()
