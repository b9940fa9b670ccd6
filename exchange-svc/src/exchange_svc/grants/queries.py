"""Requests and grants as their two departments and the authority see them."""

from typing import TypeVar
from uuid import UUID

from sqlalchemy import Select, or_, select, true
from sqlalchemy.ext.asyncio import AsyncSession

from chassis import clock
from chassis.auth import Actor
from chassis.pagination import PageRequest, Window, paginate
from exchange_svc.grants.errors import GrantNotFound, GrantRequestNotFound
from exchange_svc.grants.models import ACTIVE, Grant, GrantRequest

Row = TypeVar("Row", GrantRequest, Grant)


def visible_to(actor: Actor, model: type[Row]) -> Select[Row]:
    mine = or_(model.department_code == actor.department, model.provider_code == actor.department)
    return select(model).where(true() if actor.has("platform_admin") else mine)


async def get_request(
    session: AsyncSession, actor: Actor, request_id: UUID, *, lock: bool = False
) -> GrantRequest:
    """Locked for an answer, because two officers may answer at once."""
    statement = visible_to(actor, GrantRequest).where(GrantRequest.request_id == request_id)
    request = await session.scalar(statement.with_for_update() if lock else statement)
    if request is None:
        raise GrantRequestNotFound
    return request


async def get_grant(
    session: AsyncSession, actor: Actor, grant_id: UUID, *, lock: bool = False
) -> Grant:
    """Locked for a revocation."""
    statement = visible_to(actor, Grant).where(Grant.grant_id == grant_id)
    grant = await session.scalar(statement.with_for_update() if lock else statement)
    if grant is None:
        raise GrantNotFound
    return grant


async def list_requests(session: AsyncSession, actor: Actor, page: PageRequest) -> Window:
    statement = visible_to(actor, GrantRequest)
    return await paginate(session, statement, [(GrantRequest.request_id, "desc")], page)


async def list_grants(session: AsyncSession, actor: Actor, page: PageRequest) -> Window:
    statement = visible_to(actor, Grant)
    return await paginate(session, statement, [(Grant.grant_id, "desc")], page)


async def grants_in_force(
    session: AsyncSession, department_code: str, resource_code: str
) -> list[Grant]:
    """The grants that this department may use today, newest first."""
    today = clock.today()
    statement = select(Grant).where(
        Grant.department_code == department_code,
        Grant.resource_code == resource_code,
        Grant.status == ACTIVE,
        Grant.valid_from <= today,
        Grant.valid_to >= today,
    )
    return list(await session.scalars(statement.order_by(Grant.grant_id.desc())))
