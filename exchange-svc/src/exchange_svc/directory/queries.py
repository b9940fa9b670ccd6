"""The directory as a department sees it: what is published, and its own resources."""

from sqlalchemy import Select, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.auth import Actor
from chassis.pagination import PageRequest, Window, paginate
from exchange_svc.directory.errors import ResourceNotFound
from exchange_svc.directory.models import PUBLISHED, Resource


def visible_to(actor: Actor) -> Select[Resource]:
    own = Resource.provider_code == actor.department
    return select(Resource).where(or_(Resource.status == PUBLISHED, own))


async def get_resource(
    session: AsyncSession, actor: Actor, code: str, *, for_update: bool = False
) -> Resource:
    statement = visible_to(actor).where(Resource.code == code)
    if for_update:
        statement = statement.with_for_update()
    resource = await session.scalar(statement)
    if resource is None:
        raise ResourceNotFound(code=code)
    return resource


async def list_resources(
    session: AsyncSession, actor: Actor, page: PageRequest, *, provider: str | None
) -> Window:
    statement = visible_to(actor)
    if provider is not None:
        statement = statement.where(Resource.provider_code == provider)
    return await paginate(session, statement, [(Resource.code, "asc")], page)


async def next_number(session: AsyncSession, category: str) -> int:
    statement = select(func.max(Resource.number)).where(Resource.category == category)
    return (await session.scalar(statement) or 0) + 1
