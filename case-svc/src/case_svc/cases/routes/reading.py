"""Looking at cases: rows 8 and 9 of the API."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from case_svc.cases.errors import CaseNotFound, ProgressNotFound, TooManyGuesses
from case_svc.cases.lifecycle import State
from case_svc.cases.queries import entries
from case_svc.cases.queries.cases import get_case, list_own
from case_svc.cases.queries.clocks import clocks_of, until
from case_svc.cases.queries.details import timed_case, visible_detail
from case_svc.cases.routes.answers import More, answer_with
from case_svc.cases.schemas.shapes import CaseOut, CaseRowOut, ProgressOut
from case_svc.cases.schemas.showing import progress_out, row_line
from case_svc.cases.schemas.timing import EntryOut, TimingOut, entry_out, timing_out
from case_svc.cases.usecases.footprints import record_timeline_read
from case_svc.cases.usecases.progress import look_up_progress
from case_svc.cases.usecases.showing import show
from case_svc.cases.usecases.timing import timing_of
from chassis.auth import Anyone, Citizen, SignedIn
from chassis.db import LookSession, ReadSession, Session
from chassis.errors import ServiceError
from chassis.pagination import Page, PageQuery, page_of, page_of_lines
from chassis.problems import problems, refusal
from chassis.straight import StraightRoute

router = APIRouter(prefix="/api/v1", tags=["cases"], route_class=StraightRoute)


@router.get("/me/cases", response_model=Page[CaseRowOut])
async def list_my_cases(
    actor: Citizen,
    session: ReadSession,
    page: PageQuery,
    status: Annotated[State | None, Query(description="Only cases in this state")] = None,
) -> Response:
    """My cases and those of companies I act for, newest first."""
    window = await list_own(session, actor, page, status)
    return page_of_lines(window, [row_line(case) for case in window.rows])


@router.get("/cases/{case_id}", responses=problems(CaseNotFound))
async def read_case(
    case_id: UUID, actor: SignedIn, session: LookSession, response: Response, more: More
) -> CaseOut:
    """Where the case stands, who has it, what happens next and until when.

    An officer's look is recorded in the applicant's footprint list.
    """
    detail = await visible_detail(session, actor, case_id)
    return answer_with(await show(session, actor, detail, more), response)


@router.get("/cases/{case_id}/timeline", responses=problems(CaseNotFound))
async def read_timeline(
    case_id: UUID, actor: SignedIn, session: LookSession, page: PageQuery
) -> Page[EntryOut]:
    """Everything that happened, oldest first; an officer's look is recorded."""
    case = await get_case(session, actor, case_id)
    await record_timeline_read(session, actor, case)
    window = await entries.list_entries(session, case.case_id, page)
    officers = await entries.officers(session, actor, window.rows)
    return page_of(window, [entry_out(one, officers) for one in window.rows])


@router.get("/cases/{case_id}/clock", responses=problems(CaseNotFound))
async def read_case_clock(case_id: UUID, actor: SignedIn, session: ReadSession) -> TimingOut:
    """Every clock and interval, with the legal basis of each number."""
    return timing_out(timing_of(*await timed_case(session, actor, case_id)))


@router.get(
    "/progress", response_model=ProgressOut, responses=problems(ProgressNotFound, TooManyGuesses)
)
async def read_progress(
    request: Request,
    actor: Anyone,
    session: Session,
    case_no: Annotated[str, Query(min_length=1, max_length=60)],
    query_code: Annotated[str, Query(min_length=1, max_length=20)],
) -> ProgressOut | Response:
    """Status, step and due date for who has case number and query code; nothing personal."""
    address = request.client.host if request.client else "unknown"
    found = await look_up_progress(session, case_no, query_code, address)
    if isinstance(found, ServiceError):
        return refusal(request, found)
    return progress_out(found, until(found, await clocks_of(session, found.case_id)))
