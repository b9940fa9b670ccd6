"""Opinions, special procedures, extension."""

from dataclasses import asdict, dataclass
from typing import Final
from uuid import UUID

from case_svc.cases import queries
from case_svc.cases.events import CaseExtended, CaseResumed, CaseReviewed, CaseSuspended
from case_svc.cases.models import CaseInterval, CaseOpinion
from case_svc.cases.rules import steps
from case_svc.cases.rules.lifecycle import Action
from case_svc.cases.rules.steps import Stage, Verdict
from case_svc.cases.usecases import (
    event_fields,
    finish_task,
    open_case,
    open_task,
    recompute,
    require_task_in_hand,
    transition,
)
from case_svc.clocks.queries import load_calendar
from case_svc.clocks.rules.legal_time import STOPPABLE
from case_svc.handling.errors import (
    AlreadyExtended,
    BadReason,
    ProcedureNotFound,
    TooLateToExtend,
    WrongStep,
)
from case_svc.items.queries import get_guide
from case_svc.settings import settings_of
from chassis.auth import Actor
from chassis.clock import new_id, now
from chassis.database.sessions import WriteSession
from chassis.errors import FieldError
from chassis.outbox import record

# 行政许可法 art 45; publicity (公示) only where the guide names it.
ART_45: Final = frozenset(
    {
        "hearing",
        "tender",
        "auction",
        "inspection",
        "testing",
        "quarantine",
        "appraisal",
        "expert_review",
    }
)


@dataclass(frozen=True)
class Check:
    check_id: str
    passed: bool
    note: str | None


@dataclass(frozen=True)
class Opinion:
    step: str
    verdict: Verdict
    text: str
    checks: tuple[Check, ...]


@dataclass(frozen=True)
class Procedure:
    kind: str
    reason: str
    expected_days: int


async def give_opinion(
    session: WriteSession, actor: Actor, case_id: UUID, opinion: Opinion, match: str | None
) -> None:
    """Agreement goes on, disagreement goes to the decision, a return one review step back."""
    case = await open_case(session, actor, case_id, match)
    task = await require_task_in_hand(session, actor, case, Action.REVIEW, Stage.REVIEW)
    if opinion.step != task.step:
        raise WrongStep(present=task.step, named=opinion.step)
    guide = await get_guide(session, case.item_id, case.item_version)
    calendar = await load_calendar(session)
    _ensure_checks(steps.find(guide, task.step), opinion)
    finish_task(task, actor, str(opinion.verdict))
    session.add(
        CaseOpinion(
            opinion_id=new_id(),
            case_id=case.case_id,
            task_id=task.task_id,
            step=task.step,
            outcome=str(opinion.verdict),
            opinion=opinion.text,
            checks=[asdict(check) for check in opinion.checks],
            officer_id=actor.id,
            department_code=actor.department,
            post=actor.post,
            at=now(),
        )
    )
    transition(session, case, Action.REVIEW, actor, note=str(opinion.verdict))
    following = steps.after_opinion(guide, task.step, opinion.verdict)
    note = opinion.text if opinion.verdict is Verdict.RETURN else None
    open_task(session, case, following, calendar, note=note)
    reviewed = {"step": task.step, "outcome": str(opinion.verdict)}
    await record(session, CaseReviewed(**event_fields(case), **reviewed))


async def start_procedure(
    session: WriteSession, actor: Actor, case_id: UUID, procedure: Procedure, match: str | None
) -> None:
    """Stop the clock; the applicant learns how long it will take (art 45)."""
    case = await open_case(session, actor, case_id, match)
    await require_task_in_hand(session, actor, case, Action.SUSPEND)
    guide = await get_guide(session, case.item_id, case.item_version)
    named = {special["kind"] for special in guide.get("special_procedures") or ()}
    if procedure.kind not in ART_45 | named:
        zh, en = "法律和办事指南都没有这种特别程序", "neither the law nor the guide knows it"
        raise BadReason([FieldError("/kind", "unknown_kind", zh, en)])
    session.add(
        CaseInterval(
            interval_id=new_id(),
            case_id=case.case_id,
            **asdict(procedure),
            started_at=now(),
            started_by=actor.id,
        )
    )
    transition(session, case, Action.SUSPEND, actor, note=procedure.reason)
    await recompute(session, case, await load_calendar(session))
    await record(session, CaseSuspended(**event_fields(case)))


async def end_procedure(
    session: WriteSession,
    actor: Actor,
    case_id: UUID,
    interval_id: UUID,
    result: str,
    match: str | None,
) -> None:
    """The clock runs on; only the days it really took are left out."""
    case = await open_case(session, actor, case_id, match)
    interval = await session.get(CaseInterval, interval_id)
    if interval is None or interval.case_id != case_id:
        raise ProcedureNotFound(procedure_id=interval_id)
    await require_task_in_hand(session, actor, case, Action.RESUME)
    if interval.ended_at is not None:
        raise ProcedureNotFound(procedure_id=interval_id)
    interval.ended_at, interval.ended_by, interval.result = now(), actor.id, result
    transition(session, case, Action.RESUME, actor, note=result)
    await recompute(session, case, await load_calendar(session))
    await record(session, CaseResumed(**event_fields(case)))


async def extend_case(
    session: WriteSession, actor: Actor, case_id: UUID, days: int, reason: str, match: str | None
) -> None:
    """Once, before the legal date, by at most what the law allows (art 42)."""
    case = await open_case(session, actor, case_id, match)
    await require_task_in_hand(session, actor, case, Action.EXTEND)
    if case.extension is not None:
        raise AlreadyExtended
    guide, settings = (
        await get_guide(session, case.item_id, case.item_version),
        settings_of(session),
    )
    longest = settings.joint_extension_days if steps.is_joint(guide) else settings.extension_days
    if days > longest:
        zh, en = f"最多延长 {longest} 个工作日", f"at most {longest} working days"
        raise BadReason([FieldError("/days", "less_than_equal", zh, en)])
    clocks = [
        clock for clock in await queries.running_clocks(session, case_id) if clock.kind in STOPPABLE
    ]
    # The legal date decides where there is one; LEGAL sorts before PROMISE.
    clocks.sort(key=lambda clock: clock.kind)
    if not clocks or clocks[0].due_at <= now():
        raise TooLateToExtend(due=clocks[0].due_on if clocks else None)
    for clock in clocks:
        clock.extension = days
    case.extension = {
        "days": days,
        "reason": reason,
        "at": now().isoformat(),
        "officer_id": str(actor.id),
    }
    transition(session, case, Action.EXTEND, actor, note=reason)
    await recompute(session, case, await load_calendar(session))
    await record(session, CaseExtended(**event_fields(case)))


def _ensure_checks(step: steps.Step, opinion: Opinion) -> None:
    answered = {check.check_id: check.passed for check in opinion.checks}
    errors = [
        FieldError("/checks", "missing_check", f"缺少必答的审查要点 {name}", f"{name} is required")
        for name in steps.missing_checks(step, answered)
    ]
    unknown, seen = set(steps.unknown_checks(step, answered)), set[str]()
    for number, check in enumerate(opinion.checks):
        pointer = f"/checks/{number}/check_id"
        if check.check_id in unknown:
            errors.append(FieldError(pointer, "unknown_check", "没有这个要点", "no such check"))
        if check.check_id in seen:
            errors.append(FieldError(pointer, "duplicate", "要点重复", "answered twice"))
        seen.add(check.check_id)
    if errors:
        raise BadReason(errors)
