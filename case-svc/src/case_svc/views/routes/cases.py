"""Reading cases."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from case_svc.cases.errors import CaseNotFound
from case_svc.cases.rules.lifecycle import State
from case_svc.views.errors import ProgressNotFound, TooManyAttempts
from case_svc.views.queries.lists import list_own_cases
from case_svc.views.routes.actions import More
from case_svc.views.schemas.case import CaseOut, case_out
from case_svc.views.schemas.clocks import TimingOut, timing_out
from case_svc.views.schemas.lists import (
    CaseRowOut,
    EntryOut,
    ProgressOut,
    case_row_out,
    entry_out,
    progress_out,
)
from case_svc.views.usecases.clock import show_clocks
from case_svc.views.usecases.detail import show_case, show_timeline
from case_svc.views.usecases.progress import look_up_progress
from chassis.auth import Anyone, Citizen, SignedIn
from chassis.database.sessions import ReadSession, WriteSession
from chassis.errors import ServiceError
from chassis.http.route import TransactionRoute
from chassis.pagination import Page, PageQuery, page_of
from chassis.preconditions import set_tag
from chassis.problems import problems, refusal

router = APIRouter(route_class=TransactionRoute, prefix="/api/v1", tags=["cases"])


@router.get("/me/cases")
async def list_my_cases(
    actor: Citizen,
    session: ReadSession,
    page: PageQuery,
    status: Annotated[State | None, Query(description="Only cases in this state")] = None,
) -> Page[CaseRowOut]:
    """My cases and those of companies I act for, newest first."""
    window, rows = await list_own_cases(session, actor, page, status)
    return page_of(window, [case_row_out(row) for row in rows])


@router.get("/cases/{case_id}", responses=problems(CaseNotFound))
async def read_case(
    case_id: UUID, actor: SignedIn, session: WriteSession, response: Response, more: More
) -> CaseOut:
    """Where the case stands, who has it, what happens next and until when.

    An officer's look is recorded in the applicant's footprint list.
    """
    view = await show_case(session, actor, case_id, more)
    set_tag(response, view.detail.case.version)
    return case_out(view)


@router.get("/cases/{case_id}/timeline", responses=problems(CaseNotFound))
async def read_timeline(
    case_id: UUID, actor: SignedIn, session: WriteSession, page: PageQuery
) -> Page[EntryOut]:
    """Everything that happened, oldest first; an officer's look is recorded."""
    window, entries = await show_timeline(session, actor, case_id, page)
    return page_of(window, [entry_out(entry) for entry in entries])


@router.get("/cases/{case_id}/clock", responses=problems(CaseNotFound))
async def read_case_clock(case_id: UUID, actor: SignedIn, session: ReadSession) -> TimingOut:
    """Every clock and interval, with the legal basis of each number."""
    return timing_out(await show_clocks(session, actor, case_id))


@router.get(
    "/progress", response_model=ProgressOut, responses=problems(ProgressNotFound, TooManyAttempts)
)
async def read_progress(
    request: Request,
    actor: Anyone,
    session: WriteSession,
    case_no: Annotated[str, Query(min_length=1, max_length=60)],
    query_code: Annotated[str, Query(min_length=1, max_length=20)],
) -> ProgressOut | Response:
    """Status, step and due date for who has case number and query code; nothing personal."""
    address = request.client.host if request.client else "unknown"
    progress = await look_up_progress(session, case_no, query_code, address)
    if isinstance(progress, ServiceError):
        return refusal(request, progress)
    return progress_out(*progress)
