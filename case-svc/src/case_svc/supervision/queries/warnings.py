"""Warnings an actor may see, and the clocks that may earn one."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import Select, and_, false, func, select
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncSession

from case_svc.cases.models import Case, CaseClock, CaseTask
from case_svc.cases.queries import within
from case_svc.cases.rules import lifecycle
from case_svc.clocks.rules.legal_time import ClockKind
from case_svc.ratings.models import Rectification
from case_svc.ratings.rules.rectification import State as OrderState
from case_svc.supervision.errors import WarningNotFound
from case_svc.supervision.models import SupervisionWarning
from case_svc.supervision.rules.lights import Rule
from chassis.auth import Actor

_RULES: dict[str, Rule] = {
    ClockKind.NOTIFY: Rule.NOTIFY,
    ClockKind.PROMISE: Rule.PROMISE,
    ClockKind.LEGAL: Rule.LEGAL,
    ClockKind.DELIVERY: Rule.DELIVERY,
}
# A suspended case waits for a third party; its clocks stand still until that is over.
_WAITING = frozenset({lifecycle.State.SUSPENDED, lifecycle.State.DRAFT} | lifecycle.FINAL)


@dataclass(frozen=True)
class Watched:
    """A running clock with what a warning about it must say."""

    cursor: UUID
    subject_id: UUID
    case_id: UUID
    case_no: str
    department_code: str
    region_code: str
    rule: Rule
    started_at: datetime
    due_on: date
    due_at: datetime | None


def visible_to(actor: Actor) -> Select[SupervisionWarning]:
    statement = select(SupervisionWarning)
    if actor.has("platform_admin"):
        return statement
    return statement.where(
        SupervisionWarning.department_code == actor.department,
        within(SupervisionWarning.region_code, actor.region) if actor.region else false(),
    )


async def get_warning(
    session: AsyncSession, actor: Actor, warning_id: UUID, *, for_update: bool = False
) -> SupervisionWarning:
    statement = visible_to(actor).where(SupervisionWarning.warning_id == warning_id)
    if for_update:
        statement = statement.with_for_update()
    warning: SupervisionWarning | None = await session.scalar(statement)
    if warning is None:
        raise WarningNotFound(warning_id=warning_id)
    return warning


async def running_clocks(session: AsyncSession, after: UUID | None, limit: int) -> list[Watched]:
    """Clocks of cases in hand, in pages by their id."""
    statement = (
        select(CaseClock, Case)
        .join(Case, Case.case_id == CaseClock.case_id)
        .where(
            CaseClock.stopped_at.is_(None),
            CaseClock.kind.in_(_RULES),
            Case.status.not_in([state.value for state in _WAITING]),
        )
        .order_by(CaseClock.clock_id)
        .limit(limit)
    )
    if after is not None:
        statement = statement.where(CaseClock.clock_id > after)
    return [
        Watched(
            cursor=clock.clock_id,
            subject_id=case.case_id,
            case_id=case.case_id,
            case_no=case.case_no or "",
            department_code=case.department_code,
            region_code=case.region_code,
            rule=_RULES[clock.kind],
            started_at=clock.started_at,
            due_on=clock.due_on,
            due_at=clock.due_at,
        )
        for clock, case in await session.execute(statement)
    ]


async def running_steps(session: AsyncSession, after: UUID | None, limit: int) -> list[Watched]:
    """Steps that wait or are in hand; the department that has the step answers for it."""
    statement = (
        select(CaseTask, Case)
        .join(Case, Case.case_id == CaseTask.case_id)
        .where(CaseTask.is_present, Case.status.not_in([state.value for state in _WAITING]))
        .order_by(CaseTask.task_id)
        .limit(limit)
    )
    if after is not None:
        statement = statement.where(CaseTask.task_id > after)
    return [
        Watched(
            cursor=task.task_id,
            subject_id=task.task_id,
            case_id=case.case_id,
            case_no=case.case_no or "",
            department_code=task.department_code,
            region_code=task.region_code,
            rule=Rule.STEP,
            started_at=task.opened_at,
            due_on=task.due_on,
            due_at=task.due_at,
        )
        for task, case in await session.execute(statement)
    ]


async def running_orders(session: AsyncSession, after: UUID | None, limit: int) -> list[Watched]:
    """Rectifications nobody has contacted about, or that are not rectified."""
    statement = (
        select(Rectification)
        .where(
            Rectification.state.in_(
                [OrderState.CREATED.value, OrderState.CONTACTED.value, OrderState.VERIFIED.value]
            )
        )
        .order_by(Rectification.rectification_id)
        .limit(limit)
    )
    if after is not None:
        statement = statement.where(Rectification.rectification_id > after)
    return [
        Watched(
            cursor=order.rectification_id,
            subject_id=order.rectification_id,
            case_id=order.case_id,
            case_no=order.case_no,
            department_code=order.department_code,
            region_code=order.region_code,
            rule=Rule.BAD_RATING,
            started_at=order.opened_at,
            due_on=order.contact_due_on
            if order.state == OrderState.CREATED
            else order.rectify_due_on,
            due_at=None,
        )
        for order in await session.scalars(statement)
    ]


async def faulty_cases(session: AsyncSession) -> list[tuple[Case, Rule]]:
    """Decided cases that show a fault no warning speaks of yet."""
    faulty: list[tuple[Case, Rule]] = []
    blank = func.coalesce(func.trim(Case.decision["reason"].astext), "") == ""
    for rule, fault in (
        (
            Rule.SAME_PERSON,
            and_(Case.accepted_by == Case.decided_by, Case.project_type != "immediate"),
        ),
        (Rule.NO_REASON, and_(Case.outcome == "refused", blank)),
    ):
        warned = select(SupervisionWarning.warning_id).where(
            SupervisionWarning.subject_id == Case.case_id, SupervisionWarning.rule == rule.value
        )
        statement = select(Case).where(fault, Case.decided_at.is_not(None), ~warned.exists())
        faulty += [(case, rule) for case in await session.scalars(statement)]
    return faulty


async def warnings_about(
    session: AsyncSession, subjects: Collection[UUID]
) -> list[SupervisionWarning]:
    """What has been written about these already."""
    statement = select(SupervisionWarning).where(SupervisionWarning.subject_id.in_(subjects))
    return list(await session.scalars(statement))


async def add_warnings(session: AsyncSession, rows: list[dict[str, object]]) -> None:
    """Written once each, also when two processes look at the same moment."""
    if rows:
        await session.execute(upsert(SupervisionWarning).values(rows).on_conflict_do_nothing())
