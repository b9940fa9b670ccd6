"""The working-day calendar: seeded once, changed by version, deadlines computed again."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final
from uuid import UUID

import chinese_calendar
from sqlalchemy import insert

from case_svc.clocks import queries
from case_svc.clocks.errors import BadCalendar
from case_svc.clocks.models import CalendarDay, CalendarYear
from chassis.auth import Actor
from chassis.clock import now
from chassis.database.sessions import WriteSession
from chassis.errors import FieldError
from chassis.preconditions import ensure_match

# What `main.py` passes in: computes again every running deadline that touches the year.
Recompute = Callable[[WriteSession, int], Awaitable[None]]

FIRST_YEAR: Final = 2004
_SATURDAY: Final = 5
_NAMES: Final = {holiday.value: holiday.chinese for holiday in chinese_calendar.Holiday}


@dataclass(frozen=True)
class NamedDay:
    """A day that deviates from the weekend rule, or bears a name."""

    day: date
    is_workday: bool
    name: str | None


async def seed_calendar(session: WriteSession) -> None:
    """Years the calendar library knows and this database does not."""
    official = await queries.official_years(session)
    last = max(day.year for day in chinese_calendar.constants.holidays)
    for year in range(FIRST_YEAR, last + 1):
        if year in official:
            continue
        days = []
        for day in _days_of(year):
            _, name = chinese_calendar.get_holiday_detail(day)
            is_workday = chinese_calendar.is_workday(day)
            days.append(NamedDay(day, is_workday, _NAMES.get(name) if name else None))
        source = f"chinesecalendar（国务院办公厅关于{year}年部分节假日安排的通知）"
        await _write(session, year, 1, days, source=source, changed_by=None)


async def change_calendar(
    session: WriteSession,
    actor: Actor,
    year: int,
    named: Sequence[NamedDay],
    source: str,
    *,
    match: str | None,
    recompute: Recompute,
) -> int:
    """A new version of a year; days not named follow the weekend rule. Returns the version."""
    present = await queries.year_in_force(session, year, for_update=True)
    version = present.version if present else 0
    ensure_match(match, version)
    by_day: dict[date, NamedDay] = {}
    errors = []
    for number, day in enumerate(named):
        if day.day.year != year:
            zh, en = f"不在 {year} 年内", f"not in {year}"
            errors.append(FieldError(f"/days/{number}/date", "other_year", zh, en))
        elif day.day in by_day:
            errors.append(FieldError(f"/days/{number}/date", "duplicate", "日期重复", "twice"))
        by_day[day.day] = day
    if errors:
        raise BadCalendar(errors)
    days = [
        by_day.get(day, NamedDay(day, day.weekday() < _SATURDAY, None)) for day in _days_of(year)
    ]
    if present is not None:
        await session.delete(present)
        await session.flush()
    await _write(session, year, version + 1, days, source=source, changed_by=actor.id)
    await recompute(session, year)
    return version + 1


async def _write(
    session: WriteSession,
    year: int,
    version: int,
    days: Sequence[NamedDay],
    *,
    source: str,
    changed_by: UUID | None,
) -> None:
    session.add(
        CalendarYear(
            year=year, version=version, source=source, changed_at=now(), changed_by=changed_by
        )
    )
    rows = [
        {
            "day": day.day,
            "version": version,
            "is_workday": day.is_workday,
            "name": day.name,
            "source": source,
        }
        for day in days
    ]
    await session.execute(insert(CalendarDay), rows)


def _days_of(year: int) -> list[date]:
    first = date(year, 1, 1)
    return [first + timedelta(days=number) for number in range((date(year + 1, 1, 1) - first).days)]
