"""Opinions, special procedures, extension."""

from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from case_svc.cases import steps
from case_svc.cases.errors import (
    AlreadyExtended,
    BadReason,
    ProcedureNotFound,
    TooLateToExtend,
    WrongStep,
)
from case_svc.cases.events import CaseExtended, CaseResumed, CaseReviewed, CaseSuspended
from case_svc.cases.lifecycle import Action
from case_svc.cases.models import Case, CaseInterval, CaseOpinion
from case_svc.cases.queries.cases import intervals_of
from case_svc.cases.queries.clocks import LEGAL, PROMISE, running_clocks
from case_svc.cases.steps import Stage, Verdict
from case_svc.cases.usecases.clocks import recompute
from case_svc.cases.usecases.moves import facts, move, open_case, settings_of
from case_svc.cases.usecases.tasks import finish_task, open_task, take
from case_svc.items import queries as items
from chassis.auth import Actor
from chassis.clock import new_id, now
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
    session: AsyncSession,
    actor: Actor,
    case_id: UUID,
    opinion: Opinion,
    *,
    match: str | None = None,
) -> Case:
    """Agreement goes on, disagreement goes to the decision, a return one review step back."""
    case = await open_case(session, actor, case_id, match)
    task = await take(session, actor, case, Action.REVIEW, Stage.REVIEW)
    if opinion.step != task.step:
        raise WrongStep(present=task.step, named=opinion.step)
    guide = await items.get_guide(session, case.item_id, case.item_version)
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
            checks=[vars(one) for one in opinion.checks],
            officer_id=actor.id,
            department_code=actor.department,
            post=actor.post,
            at=now(),
        )
    )
    move(session, case, Action.REVIEW, actor, note=str(opinion.verdict))
    following = steps.after_opinion(guide, task.step, opinion.verdict)
    note = opinion.text if opinion.verdict is Verdict.RETURN else None
    await open_task(session, case, following, note=note)
    reviewed = {"step": task.step, "outcome": str(opinion.verdict)}
    await record(session, CaseReviewed(**facts(case), **reviewed))
    return case


async def start_procedure(
    session: AsyncSession,
    actor: Actor,
    case_id: UUID,
    procedure: Procedure,
    *,
    match: str | None = None,
) -> Case:
    """Stop the clock; the applicant is told how long it will take (art 45)."""
    case = await open_case(session, actor, case_id, match)
    await take(session, actor, case, Action.SUSPEND)
    guide = await items.get_guide(session, case.item_id, case.item_version)
    named = {one["kind"] for one in guide.get("special_procedures") or ()}
    if procedure.kind not in ART_45 | named:
        zh, en = "法律和办事指南都没有这种特别程序", "neither the law nor the guide knows it"
        raise BadReason([FieldError("/kind", "unknown_kind", zh, en)])
    session.add(
        CaseInterval(
            interval_id=new_id(),
            case_id=case.case_id,
            kind=procedure.kind,
            reason=procedure.reason,
            expected_days=procedure.expected_days,
            started_at=now(),
            started_by=actor.id,
        )
    )
    move(session, case, Action.SUSPEND, actor, note=procedure.reason)
    await recompute(session, case)
    await record(session, CaseSuspended(**facts(case)))
    return case


async def end_procedure(
    session: AsyncSession,
    actor: Actor,
    case_id: UUID,
    interval_id: UUID,
    result: str,
    *,
    match: str | None = None,
) -> Case:
    """The clock runs on; only the days it really took are left out."""
    case = await open_case(session, actor, case_id, match)
    found = [one for one in await intervals_of(session, case_id) if one.interval_id == interval_id]
    if not found:
        raise ProcedureNotFound(procedure_id=interval_id)
    await take(session, actor, case, Action.RESUME)
    (interval,) = found
    if interval.ended_at is not None:
        raise ProcedureNotFound(procedure_id=interval_id)
    interval.ended_at, interval.ended_by, interval.result = now(), actor.id, result
    move(session, case, Action.RESUME, actor, note=result)
    await recompute(session, case)
    await record(session, CaseResumed(**facts(case)))
    return case


async def extend_case(
    session: AsyncSession,
    actor: Actor,
    case_id: UUID,
    days: int,
    reason: str,
    *,
    match: str | None = None,
) -> Case:
    """Once, before the legal date, by at most what the law allows (art 42)."""
    case = await open_case(session, actor, case_id, match)
    await take(session, actor, case, Action.EXTEND)
    if case.extension is not None:
        raise AlreadyExtended
    guide = await items.get_guide(session, case.item_id, case.item_version)
    _ensure_within(session, guide, days)
    clocks = [one for one in await running_clocks(session, case_id) if one.kind in (LEGAL, PROMISE)]
    # The legal date decides where there is one; LEGAL sorts before PROMISE.
    clocks.sort(key=lambda one: one.kind)
    if not clocks or clocks[0].due_at <= now():
        raise TooLateToExtend(due=clocks[0].due_on if clocks else None)
    for one in clocks:
        one.extension = days
    case.extension = {
        "days": days,
        "reason": reason,
        "at": now().isoformat(),
        "officer_id": str(actor.id),
    }
    move(session, case, Action.EXTEND, actor, note=reason)
    await recompute(session, case)
    await record(session, CaseExtended(**facts(case)))
    return case


def _ensure_within(session: AsyncSession, guide: dict[str, Any], days: int) -> None:
    settings = settings_of(session)
    longest = settings.joint_extension_days if steps.is_joint(guide) else settings.extension_days
    if days > longest:
        zh, en = f"最多延长 {longest} 个工作日", f"at most {longest} working days"
        raise BadReason([FieldError("/days", "less_than_equal", zh, en)])


def _ensure_checks(step: steps.Step, opinion: Opinion) -> None:
    given = {one.check_id: one.passed for one in opinion.checks}
    errors = [
        FieldError("/checks", "missing_check", f"缺少必答的审查要点 {one}", f"{one} is required")
        for one in steps.missing_checks(step, given)
    ]
    unknown = set(steps.unknown_checks(step, given))
    errors += [
        FieldError(f"/checks/{number}/check_id", "unknown_check", "没有这个要点", "no such check")
        for number, one in enumerate(opinion.checks)
        if one.check_id in unknown
    ]
    seen: set[str] = set()
    for number, one in enumerate(opinion.checks):
        if one.check_id in seen:
            pointer = f"/checks/{number}/check_id"
            errors.append(FieldError(pointer, "duplicate", "要点重复", "answered twice"))
        seen.add(one.check_id)
    if errors:
        raise BadReason(errors)
