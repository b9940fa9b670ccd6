"""The clocks of a case as a screen needs them: how much is counted, how much is left."""

from typing import NamedTuple
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from case_svc.cases.rules.lifecycle import State
from case_svc.clocks.queries import load_calendar
from case_svc.clocks.rules import legal_time
from case_svc.clocks.rules.legal_time import STOPPABLE
from case_svc.views.queries.detail import ClockRow, TimedCase, load_timed_case
from chassis.auth import Actor
from chassis.clock import now


class ClockView(NamedTuple):
    """`counted` and `left` are working days; `left` is negative when overdue."""

    clock: ClockRow
    running: bool
    overdue: bool
    counted: int
    left: int


class TimingView(NamedTuple):
    timed: TimedCase
    clocks: list[ClockView]


async def show_clocks(session: AsyncSession, actor: Actor, case_id: UUID) -> TimingView:
    """Every clock and interval of the case."""
    timed = await load_timed_case(session, actor, case_id)
    calendar = await load_calendar(session)
    spans = legal_time.spans_of(timed.intervals)
    suspended_at = None
    if timed.case.status == State.SUSPENDED:
        pending = (row.started_at for row in timed.intervals if row.ended_at is None)
        suspended_at = max(pending, default=None)
    clocks = []
    for clock in timed.clocks:
        stoppable = clock.kind in STOPPABLE
        excluded, paused_at = (spans, suspended_at) if stoppable else ([], None)
        # A paused clock stands still, also when the procedure takes longer than announced.
        end = clock.stopped_at or paused_at or now()
        day, start = legal_time.shanghai(end), legal_time.shanghai(clock.started_at)
        view = ClockView(
            clock=clock,
            running=clock.stopped_at is None and paused_at is None,
            overdue=end >= clock.due_at,
            counted=legal_time.working_days(calendar, start, day, excluded),
            left=legal_time.remaining(calendar, day, clock.due_on, excluded),
        )
        clocks.append(view)
    return TimingView(timed, clocks)
