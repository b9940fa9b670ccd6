"""The calendar in force."""

from datetime import date

from sqlalchemy import extract, select
from sqlalchemy.ext.asyncio import AsyncSession

from case_svc.cases.clock import Calendar
from case_svc.cases.models import CalendarDay, CalendarYear
from chassis.db import context, driver

_FRIDAY = 5


# Names a calendar by the versions in force and when each was written: a version that was rolled
# back had another moment.
NAME = """
SELECT {first}::int || '-' || {last}::int || ' ' || coalesce(
  string_agg(concat_ws('/', year, version, changed_at), ' ' ORDER BY year), '')
FROM calendar_year WHERE year BETWEEN {first} AND {last}"""
IN_FORCE = NAME.format(first="$1", last="$2")


def in_force(first_year: int, last_year: int) -> str:
    """`IN_FORCE` of these years, to be part of another statement."""
    return NAME.format(first=int(first_year), last=int(last_year))


async def load_calendar(session: AsyncSession, first_year: int, last_year: int) -> Calendar:
    """What deviates from the weekend rule in these years, and which of them are official."""
    await session.flush()
    name = await (await driver(session)).fetchval(IN_FORCE, first_year, last_year)
    return await calendar_named(session, name, first_year, last_year)


async def calendar_named(
    session: AsyncSession, name: str, first_year: int, last_year: int
) -> Calendar:
    """The calendar `IN_FORCE` names, read once."""
    here = context(session)
    kept: Calendar | None = here.memory.get(name)
    if kept is None:
        kept = here.remember(name, await _read(session, first_year, last_year))
    return kept


async def _read(session: AsyncSession, first_year: int, last_year: int) -> Calendar:
    years = await session.execute(
        select(CalendarYear.year, CalendarYear.version).where(
            CalendarYear.year.between(first_year, last_year)
        )
    )
    days = await session.execute(
        select(CalendarDay.day, CalendarDay.is_workday)
        .join(
            CalendarYear,
            (CalendarYear.year == extract("year", CalendarDay.day))
            & (CalendarYear.version == CalendarDay.version),
        )
        .where(
            CalendarDay.day.between(date(first_year, 1, 1), date(last_year, 12, 31)),
            CalendarDay.is_workday != (extract("isodow", CalendarDay.day) <= _FRIDAY),
        )
    )
    return Calendar(
        days={day: bool(working) for day, working in days},
        versions={int(year): int(version) for year, version in years},
    )


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


async def years_known(session: AsyncSession) -> set[int]:
    return set(await session.scalars(select(CalendarYear.year)))
