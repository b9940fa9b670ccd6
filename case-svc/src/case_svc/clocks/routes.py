"""The working-day calendar: public to read, the platform's administrator changes it."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response
from sqlalchemy.ext.asyncio import AsyncSession

from case_svc.clocks import queries
from case_svc.clocks.errors import BadCalendar
from case_svc.clocks.schemas import CalendarIn, CalendarOut, calendar_out
from case_svc.clocks.usecases import Recompute, change_calendar
from chassis.auth import Anyone, PlatformAdmin
from chassis.database.sessions import ReadSession, WriteSession
from chassis.errors import PreconditionMissing, Stale
from chassis.http.route import TransactionRoute
from chassis.preconditions import RequiredMatch, public_read, set_tag
from chassis.problems import problems

MAX_AGE_SECONDS = 300


def calendar_routes(*, recompute: Recompute) -> APIRouter:
    """The routes, with the deadlines of the rooms above that a new calendar moves."""
    router = APIRouter(route_class=TransactionRoute, prefix="/api/v1/calendar", tags=["calendar"])

    @router.get("")
    async def read_calendar(
        request: Request,
        response: Response,
        actor: Anyone,
        session: ReadSession,
        year: Annotated[int, Query(ge=1990, le=2100)],
    ) -> CalendarOut:
        """Every day of a year; `provisional` where no official calendar stands yet."""
        shown = await _show(session, year)
        public_read(request, response, str(shown.version), MAX_AGE_SECONDS)
        return shown

    @router.put("/{year}", responses=problems(BadCalendar, PreconditionMissing, Stale))
    async def change_year(
        body: CalendarIn,
        actor: PlatformAdmin,
        match: RequiredMatch,
        session: WriteSession,
        response: Response,
        year: Annotated[int, Path(ge=1990, le=2100)],
    ) -> CalendarOut:
        """A new version of a year; running deadlines that touch it are computed again."""
        days = body.named_days()
        version = await change_calendar(
            session, actor, year, days, body.source, match=match, recompute=recompute
        )
        set_tag(response, version)
        return await _show(session, year)

    return router


async def _show(session: AsyncSession, year: int) -> CalendarOut:
    official = await queries.year_in_force(session, year)
    days = await queries.days_of(session, official) if official else []
    return calendar_out(year, official, days)
