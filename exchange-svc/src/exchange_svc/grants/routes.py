"""Requests for shared data, their answers, and the grants."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Response

from chassis.auth import Actor, DepartmentAdmin, requires
from chassis.database.sessions import ReadSession, WriteSession
from chassis.errors import Forbidden, Stale, Unauthenticated
from chassis.http.route import TransactionRoute
from chassis.pagination import Page, PageQuery, page_of
from chassis.preconditions import OptionalMatch, set_tag
from chassis.problems import problems
from exchange_svc.directory.errors import ResourceNotFound
from exchange_svc.grants import queries, usecases
from exchange_svc.grants.errors import (
    BadPeriod,
    GrantEnded,
    GrantNotFound,
    GrantRequestNotFound,
    IllegalMove,
    NotShared,
    UnknownFields,
)
from exchange_svc.grants.models import Grant, GrantRequest
from exchange_svc.grants.rules.lifecycle import Action
from exchange_svc.grants.schemas import (
    ApprovalIn,
    GrantOut,
    GrantRequestIn,
    GrantRequestOut,
    RefusalIn,
    request_out,
)

PREFIX = "/api/v1/exchange"
router = APIRouter(
    route_class=TransactionRoute,
    prefix=PREFIX,
    tags=["grants"],
    responses=problems(Unauthenticated, Forbidden),
)
Applicant = Annotated[Actor, Depends(requires(kind="staff", roles=("department_admin",)))]
ANSWERS = problems(GrantRequestNotFound, IllegalMove, NotShared, Stale)


@router.post(
    "/grant-requests",
    status_code=201,
    responses=problems(ResourceNotFound, NotShared, UnknownFields, BadPeriod),
)
async def request_grant(
    body: GrantRequestIn, response: Response, actor: Applicant, session: WriteSession
) -> GrantRequestOut:
    """Request fields of a resource on behalf of one's department."""
    request = await usecases.request_grant(session, actor, body.model_dump())
    return _request_answer(response, request)


@router.get("/grant-requests")
async def list_grant_requests(
    actor: DepartmentAdmin, session: ReadSession, page: PageQuery
) -> Page[GrantRequestOut]:
    """Requests one's department made or has to answer, newest first."""
    window = await queries.list_requests(session, actor, page)
    return page_of(window, [request_out(request) for request in window.rows])


@router.get("/grant-requests/{request_id}", responses=problems(GrantRequestNotFound))
async def read_grant_request(
    request_id: UUID, response: Response, actor: DepartmentAdmin, session: ReadSession
) -> GrantRequestOut:
    """A request that one's department made or has to answer."""
    return _request_answer(response, await queries.get_request(session, actor, request_id))


@router.post("/grant-requests/{request_id}/approval", responses=ANSWERS)
async def approve_request(
    request_id: UUID,
    body: ApprovalIn,
    match: OptionalMatch,
    response: Response,
    actor: DepartmentAdmin,
    session: WriteSession,
) -> GrantRequestOut:
    """The authority forwards it, or grants unconditional sharing itself; the provider grants."""
    request = await usecases.answer_request(
        session, actor, request_id, Action.APPROVE, reason=None, match=match
    )
    return _request_answer(response, request)


@router.post("/grant-requests/{request_id}/refusal", responses=ANSWERS)
async def refuse_request(
    request_id: UUID,
    body: RefusalIn,
    match: OptionalMatch,
    response: Response,
    actor: DepartmentAdmin,
    session: WriteSession,
) -> GrantRequestOut:
    """Refuse, with the reason and its legal basis."""
    request = await usecases.answer_request(
        session, actor, request_id, Action.REFUSE, reason=body.reason, match=match
    )
    return _request_answer(response, request)


@router.get("/grants")
async def list_grants(
    actor: DepartmentAdmin, session: ReadSession, page: PageQuery
) -> Page[GrantOut]:
    """Grants one's department holds or gave, newest first."""
    window = await queries.list_grants(session, actor, page)
    return page_of(window, [GrantOut.model_validate(grant) for grant in window.rows])


@router.get("/grants/{grant_id}", responses=problems(GrantNotFound))
async def read_grant(
    grant_id: UUID, response: Response, actor: DepartmentAdmin, session: ReadSession
) -> GrantOut:
    """A grant that one's department holds or gave."""
    return _grant_answer(response, await queries.get_grant(session, actor, grant_id))


@router.post("/grants/{grant_id}/revocation", responses=problems(GrantNotFound, GrantEnded, Stale))
async def revoke_grant(
    grant_id: UUID,
    body: RefusalIn,
    match: OptionalMatch,
    response: Response,
    actor: DepartmentAdmin,
    session: WriteSession,
) -> GrantOut:
    """Revoke a grant with immediate effect."""
    grant = await usecases.revoke_grant(session, actor, grant_id, reason=body.reason, match=match)
    return _grant_answer(response, grant)


def _request_answer(response: Response, request: GrantRequest) -> GrantRequestOut:
    set_tag(response, request.version)
    response.headers["Content-Location"] = f"{PREFIX}/grant-requests/{request.request_id}"
    return request_out(request)


def _grant_answer(response: Response, grant: Grant) -> GrantOut:
    set_tag(response, grant.version)
    response.headers["Content-Location"] = f"{PREFIX}/grants/{grant.grant_id}"
    return GrantOut.model_validate(grant)
