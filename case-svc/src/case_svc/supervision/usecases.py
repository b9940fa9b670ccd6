"""Check every clock and write the warnings it has earned; take an officer's explanation."""

from collections.abc import Awaitable, Callable
from datetime import date
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from case_svc.cases.models import Case
from case_svc.clocks.queries import load_calendar
from case_svc.clocks.rules import legal_time
from case_svc.clocks.rules.legal_time import Calendar
from case_svc.settings import settings_of
from case_svc.supervision.errors import WarningAnswered
from case_svc.supervision.models import SupervisionWarning
from case_svc.supervision.queries import warnings as queries
from case_svc.supervision.queries.warnings import Watched
from case_svc.supervision.rules import lights
from case_svc.supervision.rules.lights import Level, Reading, Rule, Thresholds
from chassis import clock
from chassis.auth import Actor
from chassis.database.sessions import WriteSession, process_of

BATCH = 500
_SOURCES: tuple[Callable[[WriteSession, UUID | None, int], Awaitable[list[Watched]]], ...] = (
    queries.running_clocks,
    queries.running_steps,
    queries.running_orders,
)


async def write_warnings(session: WriteSession) -> None:
    """One turn of the loop: each reminder, warning and card is written once."""
    thresholds = thresholds_of(session)
    calendar = await load_calendar(session)
    for source in _SOURCES:
        after: UUID | None = None
        while watched := await source(session, after, BATCH):
            await _judge(session, calendar, thresholds, watched)
            after = watched[-1].cursor
    faults = await queries.faulty_cases(session)
    rows = [_row(case, case.case_id, rule, Level.YELLOW_CARD) for case, rule in faults]
    await queries.add_warnings(session, rows)


async def answer_warning(
    session: WriteSession, actor: Actor, warning_id: UUID, *, explanation: str
) -> SupervisionWarning:
    """An explained yellow card stays yellow."""
    warning = await queries.get_warning(session, actor, warning_id, for_update=True)
    if warning.answered_at is not None:
        raise WarningAnswered
    warning.answer = process_of(session).vault.encrypt(explanation)
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
    session: WriteSession, calendar: Calendar, thresholds: Thresholds, watched: list[Watched]
) -> None:
    warnings = await queries.warnings_about(session, [clock.subject_id for clock in watched])
    written = {(each.subject_id, each.rule, each.level, each.due_on) for each in warnings}
    answered = {
        (each.subject_id, each.rule, each.due_on)
        for each in warnings
        if each.level == Level.YELLOW_CARD and each.answered_at is not None
    }
    rows = []
    for watch in watched:
        key = (watch.subject_id, watch.rule.value, watch.due_on)
        reading = _reading(calendar, watch)
        level = lights.level_of(reading, thresholds, answered=key in answered)
        if level and (*key[:2], level.value, watch.due_on) not in written:
            rows.append(_row(watch, watch.subject_id, watch.rule, level, watch.due_on))
    await queries.add_warnings(session, rows)


def _reading(calendar: Calendar, watch: Watched) -> Reading:
    started_on = legal_time.shanghai(watch.started_at)
    left = legal_time.remaining(calendar, clock.today(), watch.due_on)
    # Limits in hours end within their last day; and a day that ends on a rest day is over too.
    over = watch.due_at is not None and clock.now() >= watch.due_at
    passed = clock.today() > watch.due_on
    if (over or passed) and left >= 0:
        left = -1
    total = legal_time.working_days(calendar, started_on, max(watch.due_on, started_on))
    return Reading(watch.rule, total, left)


def _row(
    subject: Watched | Case, subject_id: UUID, rule: Rule, level: Level, due_on: date | None = None
) -> dict[str, object]:
    return {
        "warning_id": clock.new_id(),
        "subject_id": subject_id,
        "case_id": subject.case_id,
        "case_no": subject.case_no or "",
        "department_code": subject.department_code,
        "region_code": subject.region_code,
        "rule": rule.value,
        "level": level.value,
        "due_on": due_on,
        "written_at": clock.now(),
    }
