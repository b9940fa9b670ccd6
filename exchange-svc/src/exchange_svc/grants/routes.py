"""Requests for shared data, their answers, and the grants."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Response

from chassis.auth import Actor, DepartmentAdmin, requires
from chassis.db import ReadSession, Session
from chassis.errors import Forbidden, Stale, Unauthenticated
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
from exchange_svc.grants.rules.lifecycle import Action
from exchange_svc.grants.schemas import (
    ApprovalIn,
    GrantOut,
    GrantRequestIn,
    GrantRequestOut,
    RefusalIn,
    grant_out,
    request_out,
)

router = APIRouter(
    prefix="/api/v1/exchange", tags=["grants"], responses=problems(Unauthenticated, Forbidden)
)
Applicant = Annotated[Actor, Depends(requires(kind="staff", roles=("department_admin",)))]
ANSWERS = problems(GrantRequestNotFound, IllegalMove, NotShared, Stale)


@router.post(
    "/grant-requests",
    status_code=201,
    responses=problems(ResourceNotFound, NotShared, UnknownFields, BadPeriod),
)
async def request_grant(
    body: GrantRequestIn, response: Response, actor: Applicant, session: Session
) -> GrantRequestOut:
    """Ask for fields of a resource, in the name of one's department."""
    request = await usecases.request_grant(session, actor, body.model_dump())
    set_tag(response, request.version)
    return request_out(request)


@router.get("/grant-requests")
async def list_grant_requests(
    actor: DepartmentAdmin, session: ReadSession, page: PageQuery
) -> Page[GrantRequestOut]:
    """Requests one's department made or has to answer, newest first."""
    window = await queries.list_requests(session, actor, page)
    return page_of(window, [request_out(one) for one in window.rows])


@router.post("/grant-requests/{request_id}/approval", responses=ANSWERS)
async def approve_request(
    request_id: UUID,
    body: ApprovalIn,
    match: OptionalMatch,
    response: Response,
    actor: DepartmentAdmin,
    session: Session,
) -> GrantRequestOut:
    """The authority passes it on, or grants where sharing is unconditional; the provider grants."""
    request = await usecases.answer_request(
        session, actor, request_id, Action.APPROVE, reason=None, match=match
    )
    set_tag(response, request.version)
    return request_out(request)


@router.post("/grant-requests/{request_id}/refusal", responses=ANSWERS)
async def refuse_request(
    request_id: UUID,
    body: RefusalIn,
    match: OptionalMatch,
    response: Response,
    actor: DepartmentAdmin,
    session: Session,
) -> GrantRequestOut:
    """Decline with the reason and its ground."""
    request = await usecases.answer_request(
        session, actor, request_id, Action.REFUSE, reason=body.reason, match=match
    )
    set_tag(response, request.version)
    return request_out(request)


@router.get("/grants")
async def list_grants(
    actor: DepartmentAdmin, session: ReadSession, page: PageQuery
) -> Page[GrantOut]:
    """Grants one's department holds or gave, newest first."""
    window = await queries.list_grants(session, actor, page)
    return page_of(window, [grant_out(one) for one in window.rows])


@router.post("/grants/{grant_id}/revocation", responses=problems(GrantNotFound, GrantEnded, Stale))
async def revoke_grant(
    grant_id: UUID,
    body: RefusalIn,
    match: OptionalMatch,
    response: Response,
    actor: DepartmentAdmin,
    session: Session,
) -> GrantOut:
    """Take a grant back, at once."""
    grant = await usecases.revoke_grant(session, actor, grant_id, reason=body.reason, match=match)
    set_tag(response, grant.version)
    return grant_out(grant)
