"""Look at every clock and write what it has earned; take an officer's explanation."""

from collections.abc import Awaitable, Callable
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from case_svc.cases import clock as legal_clock
from case_svc.cases.clock import Calendar
from case_svc.cases.models import Case
from case_svc.cases.queries.calendar import load_calendar
from case_svc.cases.usecases.moves import settings_of
from case_svc.supervision import lights
from case_svc.supervision.errors import WarningAnswered
from case_svc.supervision.lights import Level, Reading, Rule, Thresholds
from case_svc.supervision.models import SupervisionWarning
from case_svc.supervision.queries import warnings as queries
from case_svc.supervision.queries.warnings import Watched
from chassis import clock
from chassis.auth import Actor
from chassis.db import context

BATCH = 500
_YEARS_BACK = 2
_SOURCES: tuple[Callable[[AsyncSession, UUID | None, int], Awaitable[list[Watched]]], ...] = (
    queries.running_clocks,
    queries.running_steps,
    queries.running_orders,
)


async def write_warnings(session: AsyncSession) -> None:
    """One turn of the loop: each reminder, warning and card is written once."""
    thresholds = thresholds_of(session)
    year = clock.today().year
    calendar = await load_calendar(session, year - _YEARS_BACK, year + 1)
    for source in _SOURCES:
        after: UUID | None = None
        while watched := await source(session, after, BATCH):
            await _judge(session, calendar, thresholds, watched)
            after = watched[-1].cursor
    faults = await queries.faulty_cases(session)
    await queries.add_warnings(session, [_fault_row(case, rule) for case, rule in faults])


async def answer_warning(
    session: AsyncSession, actor: Actor, warning_id: UUID, *, explanation: str
) -> SupervisionWarning:
    """An explained yellow card stays yellow."""
    warning = await queries.get_warning(session, actor, warning_id)
    if warning.answered_at is not None:
        raise WarningAnswered
    warning.answer = context(session).vault.encrypt(explanation)
    warning.answered_by, warning.answered_at = actor.id, clock.now()
    return warning


def thresholds_of(session: AsyncSession) -> Thresholds:
    settings = settings_of(session)
    return Thresholds(
        remind_share=settings.light_remind_share,
        warning_days=settings.light_warning_days,
        answer_days=settings.card_answer_days,
    )


async def _judge(
    session: AsyncSession, calendar: Calendar, thresholds: Thresholds, watched: list[Watched]
) -> None:
    told = await queries.warnings_about(session, [one.subject_id for one in watched])
    written = {(one.subject_id, one.rule, one.level, one.due_on) for one in told}
    answered = {
        (one.subject_id, one.rule, one.due_on)
        for one in told
        if one.level == Level.YELLOW_CARD and one.answered_at is not None
    }
    rows = []
    for one in watched:
        excused = (one.subject_id, one.rule.value, one.due_on) in answered
        level = lights.level_of(_reading(calendar, one), thresholds, answered=excused)
        if level and (one.subject_id, one.rule.value, level.value, one.due_on) not in written:
            rows.append(_row(one, level))
    await queries.add_warnings(session, rows)


def _reading(calendar: Calendar, one: Watched) -> Reading:
    started_on = legal_clock.shanghai(one.started_at)
    left = legal_clock.remaining(calendar, clock.today(), one.due_on)
    # Limits in hours end within their last day; and a day that ends on a rest day is over too.
    over = one.due_at is not None and clock.now() >= one.due_at
    passed = clock.today() > one.due_on
    if (over or passed) and left >= 0:
        left = -1
    total = legal_clock.counted(calendar, started_on, max(one.due_on, started_on))
    return Reading(one.rule, total, left)


def _row(one: Watched, level: Level) -> dict[str, object]:
    return {
        "warning_id": clock.new_id(),
        "subject_id": one.subject_id,
        "case_id": one.case_id,
        "case_no": one.case_no,
        "department_code": one.department_code,
        "region_code": one.region_code,
        "rule": one.rule.value,
        "level": level.value,
        "due_on": one.due_on,
        "written_at": clock.now(),
    }


def _fault_row(case: Case, rule: Rule) -> dict[str, object]:
    return {
        "warning_id": clock.new_id(),
        "subject_id": case.case_id,
        "case_id": case.case_id,
        "case_no": case.case_no or "",
        "department_code": case.department_code,
        "region_code": case.region_code,
        "rule": rule.value,
        "level": Level.YELLOW_CARD.value,
        "due_on": None,
        "written_at": clock.now(),
    }
