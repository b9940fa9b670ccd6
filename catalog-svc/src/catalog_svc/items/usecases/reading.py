"""Read an item's guide with its gaps, and compare its versions."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from catalog_svc.items import queries
from catalog_svc.items.models import Item
from catalog_svc.items.rules.diffs import Difference, differences
from catalog_svc.items.rules.gaps import Gap
from catalog_svc.items.usecases import checking


async def guide_and_gaps(
    session: AsyncSession, item: Item
) -> tuple[dict[str, Any] | None, Sequence[Gap]]:
    """The published guide, and what it or the listed item still lacks."""
    guide = await queries.guide_of(session, item)
    return guide, await checking.gaps_of(session, guide or checking.listed_guide(item))


async def compare_versions(
    session: AsyncSession, item: Item, before: int, after: int
) -> list[Difference]:
    old = await queries.get_version(session, item, before)
    new = await queries.get_version(session, item, after)
    return list(differences(old.guide, new.guide))
