"""The calendar in force."""

from datetime import date

from sqlalchemy import extract, select
from sqlalchemy.ext.asyncio import AsyncSession

from case_svc.clocks.models import CalendarDay, CalendarYear
from case_svc.clocks.rules.legal_time import Calendar
from chassis.database.sessions import process_of

_FRIDAY = 5


async def load_calendar(session: AsyncSession) -> Calendar:
    """Every official year. A set of versions cannot change, so its days are read once."""
    statement = select(CalendarYear.year, CalendarYear.version, CalendarYear.changed_at)
    # A version that was rolled back was written at another moment.
    rows = await session.execute(statement.order_by(CalendarYear.year))
    versions = tuple((row.year, row.version, row.changed_at) for row in rows)
    process = process_of(session)
    key = ("calendar", versions)
    calendar: Calendar | None = process.cache.get(key)
    if calendar is None:
        days = await session.execute(
            select(CalendarDay.day, CalendarDay.is_workday)
            .join(
                CalendarYear,
                (CalendarYear.year == extract("year", CalendarDay.day))
                & (CalendarYear.version == CalendarDay.version),
            )
            # Only what deviates from the weekend rule.
            .where(CalendarDay.is_workday != (extract("isodow", CalendarDay.day) <= _FRIDAY))
        )
        calendar = Calendar(
            days={day: bool(is_workday) for day, is_workday in days},
            versions={year: version for year, version, _ in versions},
        )
        process.remember(key, calendar)
    return calendar


async def year_in_force(
    session: AsyncSession, year: int, *, for_update: bool = False
) -> CalendarYear | None:
    return await session.get(CalendarYear, year, with_for_update=for_update or None)


async def days_of(session: AsyncSession, year: CalendarYear) -> list[CalendarDay]:
    statement = (
        select(CalendarDay)
        .where(
            CalendarDay.version == year.version,
            CalendarDay.day.between(date(year.year, 1, 1), date(year.year, 12, 31)),
        )
        .order_by(CalendarDay.day)
    )
    return list(await session.scalars(statement))


async def official_years(session: AsyncSession) -> set[int]:
    return set(await session.scalars(select(CalendarYear.year)))
