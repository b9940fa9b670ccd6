"""Items and their guide versions."""

from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from case_svc.items.errors import ItemNotFound
from case_svc.items.models import Item, ItemVersion
from chassis.database.sessions import process_of

Guide = dict[str, Any]


async def get_item(session: AsyncSession, item_id: UUID) -> Item:
    item = await session.get(Item, item_id)
    if item is None:
        raise ItemNotFound(item_id=item_id)
    return item


async def get_guide(session: AsyncSession, item_id: UUID, version: int) -> Guide:
    """The guide of one published version: immutable, so it is read once; nobody may change it."""
    process = process_of(session)
    cached: Guide | None = process.cache.get((item_id, version))
    if cached is not None:
        return cached
    statement = select(ItemVersion.guide).where(
        ItemVersion.item_id == item_id, ItemVersion.version == version
    )
    guide: Guide | None = await session.scalar(statement)
    if guide is None:
        raise ItemNotFound(item_id=item_id)
    process.remember((item_id, version), guide)
    return guide
