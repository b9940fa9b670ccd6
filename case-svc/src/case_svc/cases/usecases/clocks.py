"""Start, stop and recompute the clocks of a case and the limit of its task."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from case_svc.cases import queries
from case_svc.cases.models import Case, CaseClock, CaseTask
from case_svc.clocks.queries import load_calendar
from case_svc.clocks.rules import legal_time
from case_svc.clocks.rules.legal_time import STOPPABLE, Calendar, ClockKind, Limit, Span, Unit
from case_svc.settings import settings_of
from chassis.clock import new_id, now

_PERMIT = "01"


def start_clock(
    session: AsyncSession,
    case: Case,
    kind: ClockKind,
    limit: Limit,
    calendar: Calendar,
    started_at: datetime,
) -> CaseClock:
    due = legal_time.due(calendar, limit, started_at)
    clock = CaseClock(
        clock_id=new_id(),
        case=case,
        kind=str(kind),
        unit=str(limit.unit),
        value=limit.value,
        started_at=started_at,
        due_on=due.on,
        due_at=due.at,
        provisional=due.provisional,
        calendar=due.calendar,
    )
    session.add(clock)
    return clock


def start_decision_clocks(
    session: AsyncSession,
    case: Case,
    guide: dict[str, Any],
    calendar: Calendar,
    accepted_at: datetime,
) -> None:
    """The legal period and the promised one, each if there is one; both are reported."""
    limits = {ClockKind.LEGAL: guide.get("legal_limit"), ClockKind.PROMISE: guide.get("promise")}
    for kind, named in limits.items():
        # `value` 0: the guide says there is no such period, and why.
        if named and named["value"]:
            limit = Limit(int(named["value"]), Unit(named["unit"]))
        elif kind is ClockKind.LEGAL and case.task_type == _PERMIT:
            limit = Limit(settings_of(session).decision_days, Unit.WORKING_DAY)
        else:
            continue
        start_clock(session, case, kind, limit, calendar, accepted_at)


async def stop_clocks(
    session: AsyncSession, case: Case, kinds: Collection[str] = frozenset(ClockKind)
) -> None:
    """Stop those of these kinds that run."""
    for clock in await queries.running_clocks(session, case.case_id):
        if clock.kind in kinds:
            clock.stopped_at = now()


async def recompute(session: AsyncSession, case: Case, calendar: Calendar) -> None:
    """After a special procedure began or ended, after an extension, or with a new calendar."""
    spans = legal_time.spans_of(await queries.intervals_of(session, case.case_id))
    for clock in await queries.running_clocks(session, case.case_id):
        due = legal_time.due(
            calendar,
            Limit(clock.value, Unit(clock.unit)),
            clock.started_at,
            spans if clock.kind in STOPPABLE else (),
            extension=clock.extension,
        )
        clock.due_on, clock.due_at = due.on, due.at
        clock.provisional, clock.calendar = due.provisional, due.calendar
    task = await queries.present_task(session, case.case_id)
    if task is not None:
        set_due(calendar, task, spans)


async def recompute_year(session: AsyncSession, year: int) -> None:
    """Every running deadline that touches the year, not only the provisional ones."""
    calendar = await load_calendar(session)
    for case_id in await queries.cases_touching(session, year):
        case = await queries.lock_case(session, case_id)
        assert case is not None
        await recompute(session, case, calendar)


def set_due(calendar: Calendar, task: CaseTask, spans: Sequence[Span] = ()) -> None:
    limit = Limit(task.limit_value, Unit(task.limit_unit))
    due = legal_time.due(calendar, limit, task.opened_at, spans)
    task.due_on, task.due_at = due.on, due.at
