"""The items on a list: those of the item types it covers."""

from sqlalchemy.ext.asyncio import AsyncSession

from catalog_svc.items import queries as items
from catalog_svc.lists.errors import ListNotFound
from catalog_svc.lists.rules.kinds import KINDS
from chassis.pagination import PageRequest, Window


async def entries(session: AsyncSession, kind: str, page: PageRequest) -> Window:
    if kind not in KINDS:
        raise ListNotFound(kind=kind, known=", ".join(KINDS))
    return await items.public_of_types(session, KINDS[kind].task_types, page)
