"""Start, stop and recompute the clocks of a case and the limits of its task."""

from collections.abc import Collection, Iterable
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from case_svc.cases import clock
from case_svc.cases.clock import Calendar, Limit, Span, Unit
from case_svc.cases.models import Case, CaseClock, CaseInterval, CaseTask
from case_svc.cases.queries import clocks as clock_queries
from case_svc.cases.queries.calendar import load_calendar
from case_svc.cases.queries.cases import intervals_of, present_task
from case_svc.cases.queries.clocks import LEGAL, PROMISE
from case_svc.cases.queries.ground import YEARS_AHEAD as YEARS_AHEAD  # noqa: PLC0414
from case_svc.cases.usecases.moves import settings_of
from case_svc.tables import new_row
from chassis.clock import new_id, now

_PERMIT = "01"


async def calendar_from(session: AsyncSession, moment: datetime) -> Calendar:
    year = clock.shanghai(moment).year
    return await load_calendar(session, year, year + YEARS_AHEAD)


async def start_clock(
    session: AsyncSession, case: Case, kind: str, limit: Limit, started_at: datetime
) -> CaseClock:
    started = new_clock(await calendar_from(session, started_at), case, kind, limit, started_at)
    session.add(started)
    return started


def new_clock(
    calendar: Calendar, case: Case, kind: str, limit: Limit, started_at: datetime
) -> CaseClock:
    due = clock.due(calendar, limit, started_at)
    return new_row(
        CaseClock,
        clock_id=new_id(),
        case_id=case.case_id,
        kind=kind,
        unit=str(limit.unit),
        value=limit.value,
        extension=0,
        started_at=started_at,
        due_on=due.on,
        due_at=due.at,
        provisional=due.provisional,
        calendar=due.calendar,
        stopped_at=None,
    )


async def start_decision_clocks(
    session: AsyncSession, case: Case, guide: dict[str, Any], accepted_at: datetime
) -> None:
    """The legal period and the promised one, each if there is one; both are reported."""
    legal = _limit(guide.get("legal_limit"))
    if legal is None and case.task_type == _PERMIT:
        legal = Limit(settings_of(session).decision_days, Unit.WORKING_DAY)
    for kind, limit in ((LEGAL, legal), (PROMISE, _limit(guide.get("promise")))):
        if limit is not None:
            await start_clock(session, case, kind, limit, accepted_at)


async def stop_clocks(
    session: AsyncSession, case: Case, kinds: Collection[str] | None = None
) -> None:
    """Stop these clocks, or all that run."""
    for one in await clock_queries.running_clocks(session, case.case_id):
        if kinds is None or one.kind in kinds:
            one.stopped_at = now()


async def recompute(session: AsyncSession, case: Case) -> None:
    """After a special procedure began or ended, after an extension, or with a new calendar."""
    await session.flush()
    spans = list(spans_of(await intervals_of(session, case.case_id)))
    for one in await clock_queries.running_clocks(session, case.case_id):
        await recompute_clock(session, one, spans if one.kind in (LEGAL, PROMISE) else [])
    task = await present_task(session, case.case_id)
    if task is not None:
        await time_task(session, task, spans)


async def recompute_clock(session: AsyncSession, one: CaseClock, spans: list[Span]) -> None:
    calendar = await calendar_from(session, one.started_at)
    limit = Limit(one.value, Unit(one.unit))
    due = clock.due(calendar, limit, one.started_at, spans, extension=one.extension)
    one.due_on, one.due_at = due.on, due.at
    one.provisional, one.calendar = due.provisional, due.calendar


async def time_task(session: AsyncSession, task: CaseTask, spans: Iterable[Span] = ()) -> None:
    set_due(await calendar_from(session, task.opened_at), task, spans)


def set_due(calendar: Calendar, task: CaseTask, spans: Iterable[Span] = ()) -> None:
    limit = Limit(task.limit_value, Unit(task.limit_unit))
    due = clock.due(calendar, limit, task.opened_at, spans)
    task.due_on, task.due_at = due.on, due.at


def spans_of(intervals: Iterable[CaseInterval]) -> Iterable[Span]:
    """The days left out; a procedure under way is taken to last as long as was told."""
    for one in intervals:
        span = clock.excluded(clock.shanghai(one.started_at), _last_day(one))
        if span is not None:
            yield span


def _last_day(one: CaseInterval) -> date:
    if one.ended_at is not None:
        return clock.shanghai(one.ended_at)
    return clock.shanghai(one.started_at) + timedelta(days=one.expected_days)


def _limit(named: dict[str, Any] | None) -> Limit | None:
    """None for `value` 0: the guide says there is no such period, and why."""
    if not named or not named["value"]:
        return None
    return Limit(int(named["value"]), Unit(named["unit"]))
