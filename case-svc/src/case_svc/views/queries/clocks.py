"""The clocks of a case and what stops them."""

from collections.abc import Iterable
from datetime import date, datetime
from typing import Final, NamedTuple
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from case_svc.cases.errors import CaseNotFound
from case_svc.cases.models import Case, CaseClock, CaseInterval
from case_svc.cases.queries import visible_to
from case_svc.cases.rules.lifecycle import State
from case_svc.clocks.rules.legal_time import ClockKind
from case_svc.views.queries.rows import columns_of, load_rows
from chassis.auth import Actor

# Which clock says until when, by state; the first that runs.
_DECIDING: Final = (ClockKind.PROMISE, ClockKind.LEGAL)
_SHOWN: Final[dict[str, tuple[ClockKind, ...]]] = {
    State.SUBMITTED: (ClockKind.NOTIFY,),
    State.CORRECTION_REQUIRED: (ClockKind.CORRECTION,),
    State.ACCEPTED: _DECIDING,
    State.IN_REVIEW: _DECIDING,
    State.SUSPENDED: _DECIDING,
    State.CERTIFYING: (ClockKind.DELIVERY,),
    State.DELIVERING: (ClockKind.DELIVERY,),
}


class ClockRow(NamedTuple):
    kind: str
    unit: str
    value: int
    extension: int
    started_at: datetime
    due_on: date
    due_at: datetime
    provisional: bool
    calendar: str
    stopped_at: datetime | None


class IntervalRow(NamedTuple):
    interval_id: UUID
    kind: str
    reason: str
    expected_days: int
    started_at: datetime
    ended_at: datetime | None
    result: str | None


class TimedCaseRow(NamedTuple):
    case_id: UUID
    item_id: UUID
    status: str
    version: int


class TimedCase(NamedTuple):
    case: TimedCaseRow
    clocks: list[ClockRow]
    intervals: list[IntervalRow]


async def load_timed_case(session: AsyncSession, actor: Actor, case_id: UUID) -> TimedCase:
    """Raises CaseNotFound when this actor may not see the case."""
    statement = select(*columns_of(TimedCaseRow, Case)).where(
        Case.case_id == case_id, visible_to(actor)
    )
    values = (await session.execute(statement)).one_or_none()
    if values is None:
        raise CaseNotFound(case_id=case_id)
    clocks = await load_clocks(session, case_id)
    return TimedCase(TimedCaseRow._make(values), clocks, await load_intervals(session, case_id))


async def load_clocks(session: AsyncSession, case_id: UUID) -> list[ClockRow]:
    statement = select(*columns_of(ClockRow, CaseClock)).where(CaseClock.case_id == case_id)
    ordered = statement.order_by(CaseClock.started_at, CaseClock.clock_id)
    return await load_rows(session, ClockRow, ordered)


async def load_intervals(session: AsyncSession, case_id: UUID) -> list[IntervalRow]:
    columns = columns_of(IntervalRow, CaseInterval)
    statement = select(*columns).where(CaseInterval.case_id == case_id)
    ordered = statement.order_by(CaseInterval.started_at, CaseInterval.interval_id)
    return await load_rows(session, IntervalRow, ordered)


def until(status: str, clocks: Iterable[ClockRow]) -> date | None:
    """The day by which the next thing is to happen."""
    running = {clock.kind: clock.due_on for clock in clocks if clock.stopped_at is None}
    return next((running[kind] for kind in _SHOWN.get(status, ()) if kind in running), None)
