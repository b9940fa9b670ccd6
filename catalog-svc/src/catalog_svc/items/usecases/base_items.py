"""Add to the base catalogue, which implementation items must agree with."""

from typing import Any

from catalog_svc.items import queries
from catalog_svc.items.errors import CatalogCodeTaken
from catalog_svc.items.models import BaseItem
from chassis.auth import Actor
from chassis.database.sessions import WriteSession


async def create_base_item(
    session: WriteSession,
    actor: Actor,
    *,
    catalog_code: str,
    name: str,
    task_type: str,
    use_levels: list[str],
    legal_basis: list[dict[str, Any]],
) -> BaseItem:
    if await queries.find_base_item(session, catalog_code) is not None:
        raise CatalogCodeTaken(catalog_code=catalog_code)
    base = BaseItem(
        catalog_code=catalog_code,
        name=name,
        task_type=task_type,
        use_levels=use_levels,
        legal_basis=legal_basis,
        created_by=actor.id,
    )
    session.add(base)
    await session.flush()
    return base
