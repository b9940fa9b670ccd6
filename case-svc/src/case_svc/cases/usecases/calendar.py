"""The working-day calendar: seeded once, changed by version, deadlines computed again."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final
from uuid import UUID

import chinese_calendar
from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncSession

from case_svc.cases.errors import BadCalendar
from case_svc.cases.models import CalendarDay, CalendarYear
from case_svc.cases.queries import calendar as calendars
from case_svc.cases.queries.cases import lock_case
from case_svc.cases.queries.clocks import touching
from case_svc.cases.usecases.clocks import recompute
from chassis.auth import Actor
from chassis.clock import now
from chassis.errors import FieldError
from chassis.preconditions import ensure_match

FIRST_YEAR: Final = 2004
_SATURDAY: Final = 5
_NAMES: Final = {one.value: one.chinese for one in chinese_calendar.Holiday}


@dataclass(frozen=True)
class NamedDay:
    """A day that deviates from the weekend rule, or bears a name."""

    day: date
    is_workday: bool
    name: str | None


async def seed_calendar(session: AsyncSession) -> None:
    """Years the calendar library knows and this database does not."""
    known = await calendars.years_known(session)
    last = max(day.year for day in chinese_calendar.constants.holidays)
    for year in range(FIRST_YEAR, last + 1):
        if year not in known:
            days = [_official(day) for day in _days_of(year)]
            source = f"chinesecalendar（国务院办公厅关于{year}年部分节假日安排的通知）"
            await _write(session, year, 1, days, source=source, changed_by=None)


async def change_calendar(
    session: AsyncSession,
    actor: Actor,
    year: int,
    named: Sequence[NamedDay],
    source: str,
    *,
    match: str | None,
) -> int:
    """A new version of a year; days not named follow the weekend rule. Returns the version."""
    present = await calendars.year_in_force(session, year, for_update=True)
    version = present.version if present else 0
    ensure_match(match, version)
    _ensure_sound(year, named)
    by_day = {one.day: one for one in named}
    days = [by_day.get(day, _weekly(day)) for day in _days_of(year)]
    if present is not None:
        await session.delete(present)
        await session.flush()
    await _write(session, year, version + 1, days, source=source, changed_by=actor.id)
    await _compute_again(session, year)
    return version + 1


async def _compute_again(session: AsyncSession, year: int) -> None:
    """Every running deadline that touches the year, not only the provisional ones."""
    touched = {one.case_id for one in (await session.scalars(touching(year))).all()}
    for case_id in sorted(touched):
        await recompute(session, await lock_case(session, case_id))


async def _write(
    session: AsyncSession,
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
            "day": one.day,
            "version": version,
            "is_workday": one.is_workday,
            "name": one.name,
            "source": source,
        }
        for one in days
    ]
    await session.execute(insert(CalendarDay), rows)


def _ensure_sound(year: int, named: Sequence[NamedDay]) -> None:
    seen: set[date] = set()
    errors = []
    for number, one in enumerate(named):
        if one.day.year != year:
            zh, en = f"不在 {year} 年内", f"not in {year}"
            errors.append(FieldError(f"/days/{number}/date", "other_year", zh, en))
        elif one.day in seen:
            errors.append(FieldError(f"/days/{number}/date", "duplicate", "日期重复", "twice"))
        seen.add(one.day)
    if errors:
        raise BadCalendar(errors)


def _days_of(year: int) -> list[date]:
    first = date(year, 1, 1)
    return [first + timedelta(days=number) for number in range((date(year + 1, 1, 1) - first).days)]


def _official(day: date) -> NamedDay:
    _, name = chinese_calendar.get_holiday_detail(day)
    working = chinese_calendar.is_workday(day)
    return NamedDay(day, working, _NAMES.get(name) if name else None)


def _weekly(day: date) -> NamedDay:
    return NamedDay(day, day.weekday() < _SATURDAY, None)
