"""The decision, and what follows it: certificate, delivery, the end."""

from dataclasses import asdict, dataclass
from datetime import date
from typing import Literal
from uuid import UUID

from case_svc.cases.events import CaseDecided, CaseFinished, ResultOffered
from case_svc.cases.models import Case, CaseCertificate
from case_svc.cases.queries import lock_case
from case_svc.cases.rules.forms import personal_fields
from case_svc.cases.rules.lifecycle import Action, State
from case_svc.cases.rules.steps import Stage
from case_svc.cases.usecases import (
    add_history_entry,
    decrypt_json,
    event_fields,
    finish_task,
    open_case,
    require_task_in_hand,
    start_clock,
    stop_clocks,
    transition,
)
from case_svc.clocks.queries import load_calendar
from case_svc.clocks.rules.legal_time import ClockKind, Limit, Unit
from case_svc.handling.errors import BadReason
from case_svc.items.queries import Guide, get_guide
from case_svc.settings import settings_of
from chassis.auth import Actor
from chassis.clock import now, today
from chassis.database.sessions import WriteSession
from chassis.errors import FieldError
from chassis.outbox import record


@dataclass(frozen=True)
class Ruling:
    outcome: Literal["granted", "refused"]
    reason: str | None
    remedies: str | None


@dataclass(frozen=True)
class Issued:
    certificate_id: UUID
    code: str
    type: str | None
    name: str
    issued_on: date
    valid_to: date | None


async def decide_case(
    session: WriteSession, actor: Actor, case_id: UUID, ruling: Ruling, match: str | None
) -> None:
    """Grant, or refuse with reason and remedies; never by the one who accepted."""
    case = await open_case(session, actor, case_id, match)
    task = await require_task_in_hand(session, actor, case, Action.DECIDE, Stage.DECISION)
    if ruling.outcome == "refused":
        _ensure_reasoned(ruling)
    guide = await get_guide(session, case.item_id, case.item_version)
    finish_task(task, actor, ruling.outcome)
    await stop_clocks(session, case)
    calendar = await load_calendar(session)
    transition(session, case, Action.DECIDE, actor, note=ruling.reason)
    case.step, case.outcome = None, ruling.outcome
    case.decided_at, case.decided_by = now(), actor.id
    case.decision = asdict(ruling) | {"decided_on": today().isoformat()}
    form = decrypt_json(session, case.form)
    decided = _decided(case, ruling, guide, form)
    if ruling.outcome == "granted":
        transition(session, case, Action.CERTIFY)
        limit = Limit(settings_of(session).delivery_days, Unit.WORKING_DAY)
        start_clock(session, case, ClockKind.DELIVERY, limit, calendar, now())
    else:
        transition(session, case, Action.REFUSE)
        case.ended_at = now()
    # The certificate's face needs the whole form, sealed for its issuer.
    await record(session, decided, sealed={"exchange": {"fields": form}})
    if ruling.outcome == "refused":
        await record(session, CaseFinished(**event_fields(case), outcome=case.outcome))


async def keep_certificate(session: WriteSession, case_id: UUID, issued: Issued) -> None:
    """The first certificate delivers the case electronically; further ones are added to it."""
    case = await lock_case(session, case_id)
    if case is None or await session.get(CaseCertificate, issued.certificate_id) is not None:
        return
    session.add(CaseCertificate(case_id=case_id, **asdict(issued)))
    if case.state is State.CERTIFYING:
        transition(session, case, Action.DELIVER, note=issued.code)
        transition(session, case, Action.FINISH)
        await stop_clocks(session, case)
        case.ended_at = now()
        await record(session, CaseFinished(**event_fields(case), outcome=case.outcome))
    else:
        add_history_entry(session, case, "certificate", note=issued.code)


def _decided(case: Case, ruling: Ruling, guide: Guide, form: dict[str, object]) -> CaseDecided:
    """What is not personal of the form stands in the open."""
    personal = personal_fields(guide["form"], form)
    return CaseDecided(
        **event_fields(case),
        outcome=ruling.outcome,
        decided_on=today(),
        department_name=case.department_name,
        item_code=case.item_code,
        task_code=case.task_code,
        results=[
            ResultOffered(
                name=result["name"],
                type=result["type"],
                certificate_type=result.get("certificate_type"),
                validity_months=result.get("validity_months"),
                public_fields=list(result.get("public_fields") or ()),
            )
            for result in guide.get("results") or ()
        ],
        fields={name: value for name, value in form.items() if name not in personal},
    )


def _ensure_reasoned(ruling: Ruling) -> None:
    zh = "不予许可须写明理由和救济途径"
    errors = [
        FieldError(f"/{name}", "required", zh, f"a refusal needs {name}")
        for name in ("reason", "remedies")
        # A dot or an invisible character is no reason.
        if not any(map(str.isalnum, getattr(ruling, name) or ""))
    ]
    if errors:
        raise BadReason(errors)
