"""The decision, and what follows it: certificate, delivery, the end."""

from dataclasses import asdict, dataclass
from datetime import date
from typing import Any, Literal
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from case_svc.cases.applications import personal_fields
from case_svc.cases.clock import Limit, Unit
from case_svc.cases.errors import BadReason
from case_svc.cases.events import CaseDecided, CaseFinished, ResultOffered
from case_svc.cases.lifecycle import Action, State
from case_svc.cases.models import Case, CaseCertificate
from case_svc.cases.queries.cases import lock_case_if
from case_svc.cases.queries.clocks import DELIVERY
from case_svc.cases.steps import Stage
from case_svc.cases.usecases.clocks import start_clock, stop_clocks
from case_svc.cases.usecases.contents import read_json
from case_svc.cases.usecases.moves import facts, move, open_case, remark, settings_of
from case_svc.cases.usecases.tasks import finish_task, take
from case_svc.items import queries as items
from chassis.auth import Actor
from chassis.clock import now, today
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
    session: AsyncSession, actor: Actor, case_id: UUID, ruling: Ruling, *, match: str | None = None
) -> Case:
    """Grant, or refuse with reason and remedies; never by the one who accepted."""
    case = await open_case(session, actor, case_id, match)
    task = await take(session, actor, case, Action.DECIDE, Stage.DECISION)
    _ensure_reasoned(ruling)
    guide = await items.get_guide(session, case.item_id, case.item_version)
    finish_task(task, actor, ruling.outcome)
    await stop_clocks(session, case)
    move(session, case, Action.DECIDE, actor, note=ruling.reason)
    case.step, case.outcome = None, ruling.outcome
    case.decided_at, case.decided_by = now(), actor.id
    case.decision = asdict(ruling) | {"decided_on": today().isoformat()}
    await _announce(session, case, ruling, guide)
    if ruling.outcome == "refused":
        move(session, case, Action.REFUSE)
        await _finish(session, case)
    else:
        move(session, case, Action.CERTIFY)
        days = settings_of(session).delivery_days
        await start_clock(session, case, DELIVERY, Limit(days, Unit.WORKING_DAY), now())
    return case


async def keep_certificate(session: AsyncSession, case_id: UUID, issued: Issued) -> None:
    """The first certificate delivers the case electronically; further ones are added to it."""
    case = await lock_case_if(session, case_id)
    if case is None or await session.get(CaseCertificate, issued.certificate_id) is not None:
        return
    session.add(CaseCertificate(case_id=case_id, **asdict(issued)))
    if case.state is State.CERTIFYING:
        move(session, case, Action.DELIVER, note=issued.code)
        move(session, case, Action.FINISH)
        await _finish(session, case)
    else:
        remark(session, case, "certificate", note=issued.code)


async def _finish(session: AsyncSession, case: Case) -> None:
    case.ended_at = now()
    await stop_clocks(session, case)
    await record(session, CaseFinished(**facts(case), outcome=case.outcome))


async def _announce(
    session: AsyncSession, case: Case, ruling: Ruling, guide: dict[str, Any]
) -> None:
    """Non-personal form fields in the open, the whole form for the certificate's face sealed."""
    form = read_json(session, case.form)
    personal = personal_fields(guide["form"], form)
    open_fields = {name: value for name, value in form.items() if name not in personal}
    event = CaseDecided(
        **facts(case),
        outcome=ruling.outcome,
        decided_on=today(),
        department_name=case.department_name,
        item_code=case.item_code,
        task_code=case.task_code,
        results=[_result(one) for one in guide.get("results") or ()],
        fields=open_fields,
    )
    await record(session, event, sealed={"exchange": {"fields": form}})


def _result(named: dict[str, Any]) -> ResultOffered:
    return ResultOffered(
        name=named["name"],
        type=named["type"],
        certificate_type=named.get("certificate_type"),
        validity_months=named.get("validity_months"),
        public_fields=list(named.get("public_fields") or ()),
    )


def _ensure_reasoned(ruling: Ruling) -> None:
    if ruling.outcome != "refused":
        return
    errors = [
        FieldError(
            f"/{name}", "required", "不予许可须写明理由和救济途径", f"a refusal needs {name}"
        )
        for name in ("reason", "remedies")
        # A dot or an invisible character is no reason.
        if not any(map(str.isalnum, getattr(ruling, name) or ""))
    ]
    if errors:
        raise BadReason(errors)
