"""The working-day calendar: public to read, the platform's administrator changes it."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response
from sqlalchemy.ext.asyncio import AsyncSession

from case_svc.cases.errors import BadCalendar
from case_svc.cases.queries import calendar as calendars
from case_svc.cases.schemas.handling import CalendarIn
from case_svc.cases.schemas.timing import CalendarOut, calendar_out
from case_svc.cases.usecases.calendar import change_calendar
from chassis.auth import Anyone, PlatformAdmin
from chassis.db import ReadSession, Session
from chassis.errors import PreconditionMissing, Stale
from chassis.preconditions import RequiredMatch, public_read, set_tag
from chassis.problems import problems

router = APIRouter(prefix="/api/v1/calendar", tags=["calendar"])

MAX_AGE_SECONDS = 300


@router.get("")
async def read_calendar(
    request: Request,
    response: Response,
    actor: Anyone,
    session: ReadSession,
    year: Annotated[int, Query(ge=1990, le=2100)],
) -> CalendarOut:
    """Every day of a year; `provisional` where no official calendar stands yet."""
    shown = await _shown(session, year)
    public_read(request, response, str(shown.version), MAX_AGE_SECONDS)
    return shown


@router.put("/{year}", responses=problems(BadCalendar, PreconditionMissing, Stale))
async def change_year(
    body: CalendarIn,
    actor: PlatformAdmin,
    match: RequiredMatch,
    session: Session,
    response: Response,
    year: Annotated[int, Path(ge=1990, le=2100)],
) -> CalendarOut:
    """A new version of a year; running deadlines that touch it are computed again."""
    named = body.named()
    version = await change_calendar(session, actor, year, named, body.source, match=match)
    set_tag(response, version)
    return await _shown(session, year)


async def _shown(session: AsyncSession, year: int) -> CalendarOut:
    known = await calendars.year_in_force(session, year)
    return calendar_out(year, known, await calendars.days_of(session, known) if known else [])
