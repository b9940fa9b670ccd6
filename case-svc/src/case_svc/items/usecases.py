"""Keep the copy of an item: its present state when newer, its guide version for ever."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy.dialects.postgresql import insert

from case_svc.items.models import Item, ItemVersion
from chassis.database.sessions import WriteSession
from chassis.database.upsert import upsert_newer


async def keep_item(
    session: WriteSession, values: Mapping[str, Any], guide: Mapping[str, Any] | None
) -> None:
    """An older revision changes nothing, but a guide version it brings is kept."""
    if guide is not None and values["version"] > 0:
        await session.execute(
            insert(ItemVersion)
            .values(item_id=values["item_id"], version=values["version"], guide=guide)
            .on_conflict_do_nothing()
        )
    await upsert_newer(session, Item, [values], version="revision")
