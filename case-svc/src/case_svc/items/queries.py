"""Items and their guide versions."""

from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from case_svc.items.errors import ItemNotFound
from case_svc.items.models import Item, ItemVersion
from chassis.db import context

Guide = dict[str, Any]


async def get_item(session: AsyncSession, item_id: UUID) -> Item:
    item = await session.get(Item, item_id)
    if item is None:
        raise ItemNotFound(item_id=item_id)
    return item


async def get_guide(session: AsyncSession, item_id: UUID, version: int) -> Guide:
    """The guide of one published version: immutable, so it is read once; nobody may change it."""
    here = context(session)
    kept: Guide | None = here.memory.get((item_id, version))
    if kept is not None:
        return kept
    found = await session.get(ItemVersion, (item_id, version))
    if found is None:
        raise ItemNotFound(item_id=item_id)
    session.expunge(found)
    guide: Guide = here.remember((item_id, version), found.guide)
    return guide
