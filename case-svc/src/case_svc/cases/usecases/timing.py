"""The clocks of a case as a screen needs them: how much is counted, how much is left."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy.ext.asyncio import AsyncSession

from case_svc.cases import clock
from case_svc.cases.lifecycle import State
from case_svc.cases.models import Case, CaseClock, CaseInterval, CaseTask
from case_svc.cases.queries.calendar import load_calendar
from case_svc.cases.queries.clocks import LEGAL, PROMISE
from case_svc.cases.queries.details import Detail, Timed
from case_svc.cases.usecases.clocks import YEARS_AHEAD, spans_of
from chassis.clock import now, today


@dataclass(frozen=True)
class ClockView:
    """`counted` and `left` are working days; `left` is negative when overdue."""

    clock: CaseClock
    running: bool
    overdue: bool
    counted: int
    left: int


@dataclass(frozen=True)
class Timing:
    case: Case
    clocks: list[ClockView]
    intervals: list[CaseInterval]


async def read_clock(session: AsyncSession, detail: Detail) -> Timing:
    """Every clock and interval of the case."""
    year = clock.shanghai(detail.case.created_at).year
    return timing_of(detail, await load_calendar(session, year, today().year + YEARS_AHEAD))


def timing_of(timed: Timed | Detail, calendar: clock.Calendar) -> Timing:
    case, clocks, intervals = timed.case, timed.clocks, timed.intervals
    spans = list(spans_of(intervals))
    views = []
    for one in clocks:
        apart = spans if one.kind in (LEGAL, PROMISE) else []
        paused = _paused_at(case, intervals) if apart else None
        # A paused clock stands still, also when the procedure takes longer than was told.
        end = one.stopped_at or paused or now()
        day = clock.shanghai(end)
        start = clock.shanghai(one.started_at)
        views.append(
            ClockView(
                clock=one,
                running=one.stopped_at is None and paused is None,
                overdue=end >= one.due_at,
                counted=clock.counted(calendar, start, day, apart),
                left=clock.remaining(calendar, day, one.due_on, apart),
            )
        )
    return Timing(case, views, intervals)


def _paused_at(case: Case, intervals: list[CaseInterval]) -> datetime | None:
    if case.state is not State.SUSPENDED:
        return None
    return max((one.started_at for one in intervals if one.ended_at is None), default=None)


def lights_of(
    calendar: clock.Calendar, tasks: Sequence[tuple[CaseTask, Case]], *, warning_days: int
) -> list[clock.Light]:
    """Red when the step is late, yellow when it soon will be; a suspended case waits in green."""
    moment = now()
    green_from = clock.green_from(calendar, moment, warning_days=warning_days)
    return [_light(task, case, moment, green_from) for task, case in tasks]


def _light(task: CaseTask, case: Case, moment: datetime, green_from: date) -> clock.Light:
    if task.done_at is not None:
        return clock.Light.RED if task.done_at >= task.due_at else clock.Light.GREEN
    if case.status == State.SUSPENDED:
        return clock.Light.GREEN
    return clock.light_before(green_from, moment, task.due_on, task.due_at)
