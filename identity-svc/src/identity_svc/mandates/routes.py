"""Mandates the caller grants and receives, and the companies the caller may act for."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response

from chassis import clock
from chassis.auth import Citizen
from chassis.database.sessions import ReadSession, WriteSession
from chassis.errors import Forbidden, Invalid, Stale, Unauthenticated
from chassis.http.route import TransactionRoute
from chassis.pagination import Page, PageQuery, page_of
from chassis.preconditions import OptionalMatch, set_tag
from chassis.problems import problems
from identity_svc.mandates import queries, usecases
from identity_svc.mandates.errors import (
    IllegalMove,
    MandateNotFound,
    NotTheGrantee,
    StatutoryMandate,
)
from identity_svc.mandates.schemas import CompanyOfMineOut, MandateIn, MandateOut, mandates_out
from identity_svc.people.errors import CompanyNotFound

router = APIRouter(route_class=TransactionRoute, prefix="/api/v1", tags=["mandates"])


@router.post(
    "/me/mandates",
    status_code=201,
    responses=problems(Unauthenticated, Forbidden, CompanyNotFound, Invalid),
)
async def grant_mandate(
    body: MandateIn, response: Response, actor: Citizen, session: WriteSession
) -> MandateOut:
    """Offer a mandate in the caller's own name, or a company's as its legal representative.

    It takes effect once the other person accepts, and lasts a year at most.
    """
    mandate = await usecases.grant_mandate(session, actor, body.offer())
    set_tag(response, mandate.version)
    return (await mandates_out(session, actor, [mandate]))[0]


@router.get("/me/mandates", responses=problems(Unauthenticated, Forbidden))
async def list_mandates(
    actor: Citizen,
    session: ReadSession,
    page: PageQuery,
    side: Annotated[
        queries.Side | None, Query(description="Only those granted, or only those received")
    ] = None,
) -> Page[MandateOut]:
    """Mandates the caller is a party to, newest first."""
    window = await queries.list_mandates(session, actor, page, side=side)
    return page_of(window, await mandates_out(session, actor, window.rows))


@router.get("/me/companies", responses=problems(Unauthenticated, Forbidden))
async def list_companies_of_mine(
    actor: Citizen, session: ReadSession, page: PageQuery
) -> Page[CompanyOfMineOut]:
    """Companies the caller may act for today, as legal representative or as agent."""
    window = await queries.companies_of(session, actor, page, on=clock.today())
    return page_of(window, [CompanyOfMineOut.of(*row) for row in window.rows])


@router.post(
    "/mandates/{mandate_id}/acceptance",
    responses=problems(Unauthenticated, NotTheGrantee, MandateNotFound, IllegalMove, Stale),
)
async def accept_mandate(
    mandate_id: UUID,
    match: OptionalMatch,
    response: Response,
    actor: Citizen,
    session: WriteSession,
) -> MandateOut:
    """Accept an offered mandate."""
    mandate = await usecases.accept_mandate(session, actor, mandate_id, match=match)
    set_tag(response, mandate.version)
    return (await mandates_out(session, actor, [mandate]))[0]


@router.post(
    "/mandates/{mandate_id}/revocation",
    responses=problems(
        Unauthenticated, Forbidden, MandateNotFound, IllegalMove, StatutoryMandate, Stale
    ),
)
async def revoke_mandate(
    mandate_id: UUID,
    match: OptionalMatch,
    response: Response,
    actor: Citizen,
    session: WriteSession,
) -> MandateOut:
    """End a mandate, as its grantor or as its grantee; it ends at once."""
    mandate = await usecases.revoke_mandate(session, actor, mandate_id, match=match)
    set_tag(response, mandate.version)
    return (await mandates_out(session, actor, [mandate]))[0]
