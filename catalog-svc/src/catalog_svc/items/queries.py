"""Every SELECT over items; what is not visible is not found."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncSession

from catalog_svc.items.errors import ItemNotFound, VersionNotFound
from catalog_svc.items.models import (
    BaseItem,
    DepartmentCopy,
    Draft,
    Item,
    ItemRevision,
    ItemVersion,
    RegionCopy,
)
from catalog_svc.items.rules.lifecycle import Status
from chassis.auth import Actor
from chassis.pagination import PageRequest, Window, paginate


@dataclass(frozen=True)
class Names:
    """Present names of regions and departments, and a stamp that changes when they do."""

    regions: dict[str, tuple[str, int]] = field(default_factory=dict)
    departments: dict[str, tuple[str, int]] = field(default_factory=dict)

    def region(self, item: Item) -> str:
        copied = self.regions.get(item.region_code)
        return copied[0] if copied else item.region_name or item.region_code

    def department(self, item: Item) -> str:
        copied = self.departments.get(item.department_code)
        return copied[0] if copied else item.department_name or item.department_code

    def stamp(self, item: Item) -> str:
        _, region = self.regions.get(item.region_code, ("", 0))
        _, department = self.departments.get(item.department_code, ("", 0))
        return f"{item.revision}.{region}.{department}"


def public() -> Select[Item]:
    """What anybody may see: everything that was ever public, drafts never."""
    return select(Item).where(Item.status != Status.DRAFT, Item.revision > 0)


def managed_by(actor: Actor) -> Select[Item]:
    """What this administrator manages."""
    if actor.has("platform_admin"):
        return select(Item)
    return select(Item).where(Item.department_code == actor.department)


async def get_public(session: AsyncSession, item_id: UUID) -> Item:
    item = (await session.scalars(public().where(Item.item_id == item_id))).one_or_none()
    if item is None:
        raise ItemNotFound(item_id=item_id)
    return item


async def get_public_named(session: AsyncSession, item_id: UUID) -> tuple[Item, Names]:
    """The item with the names of its division and department, in one statement."""
    items, names = await _named(session, [item_id])
    if not items:
        raise ItemNotFound(item_id=item_id)
    return items[item_id], names


async def get_any(session: AsyncSession, item_id: UUID, *, lock: bool = False) -> Item:
    """The item whatever its status; the caller's policy decides what the actor may know."""
    statement = select(Item).where(Item.item_id == item_id)
    item = (await session.scalars(statement.with_for_update() if lock else statement)).one_or_none()
    if item is None:
        raise ItemNotFound(item_id=item_id)
    return item


async def public_in_order(
    session: AsyncSession, item_ids: Sequence[UUID]
) -> tuple[list[Item], Names]:
    items, names = await _named(session, item_ids)
    return [items[item_id] for item_id in item_ids if item_id in items], names


async def _named(session: AsyncSession, item_ids: Sequence[UUID]) -> tuple[dict[UUID, Item], Names]:
    statement = (
        public()
        .where(Item.item_id.in_(item_ids))
        .outerjoin(RegionCopy, RegionCopy.region_code == Item.region_code)
        .outerjoin(DepartmentCopy, DepartmentCopy.department_code == Item.department_code)
        .add_columns(
            RegionCopy.name, RegionCopy.version, DepartmentCopy.name, DepartmentCopy.version
        )
    )
    items, names = {}, Names()
    for item, region, region_stamp, department, department_stamp in await session.execute(
        statement
    ):
        items[item.item_id] = item
        if region is not None:
            names.regions[item.region_code] = (region, region_stamp)
        if department is not None:
            names.departments[item.department_code] = (department, department_stamp)
    return items, names


async def public_of_types(
    session: AsyncSession, task_types: Sequence[str], page: PageRequest
) -> Window:
    """The public list of some item types, cancelled ones left out."""
    statement = public().where(Item.task_type.in_(task_types), Item.status != Status.CANCELLED)
    return await paginate(session, statement, [(Item.item_id, "asc")], page)


async def managed_page(
    session: AsyncSession, actor: Actor, status: str | None, page: PageRequest
) -> Window:
    statement = managed_by(actor)
    if status is not None:
        statement = statement.where(Item.status == status)
    return await paginate(session, statement, [(Item.item_id, "desc")], page)


async def by_codes(session: AsyncSession, item_codes: Iterable[str]) -> dict[str, Item]:
    """Locked: an import decides on what it reads here."""
    statement = select(Item).where(Item.item_code.in_(set(item_codes))).with_for_update()
    return {item.item_code: item for item in await session.scalars(statement)}


async def exists(session: AsyncSession, item_code: str) -> bool:
    statement = select(Item.item_id).where(Item.item_code == item_code)
    return (await session.execute(statement)).first() is not None


async def guide_of(session: AsyncSession, item: Item) -> dict[str, Any] | None:
    """The published guide, none for an item that is only listed."""
    if item.version == 0:
        return None
    return (await get_version(session, item, item.version)).guide


async def get_version(session: AsyncSession, item: Item, version: int) -> ItemVersion:
    found = await session.get(ItemVersion, (item.item_id, version))
    if found is None:
        raise VersionNotFound(version=version)
    return found


async def earlier_versions(session: AsyncSession, item: Item) -> Sequence[ItemVersion]:
    statement = select(ItemVersion).where(
        ItemVersion.item_id == item.item_id, ItemVersion.version < item.version
    )
    return (await session.scalars(statement.order_by(ItemVersion.version))).all()


async def versions_page(session: AsyncSession, item: Item, page: PageRequest) -> Window:
    statement = select(ItemVersion).where(ItemVersion.item_id == item.item_id)
    return await paginate(session, statement, [(ItemVersion.version, "desc")], page)


async def revisions_page(session: AsyncSession, item: Item, page: PageRequest) -> Window:
    statement = select(ItemRevision).where(ItemRevision.item_id == item.item_id)
    return await paginate(session, statement, [(ItemRevision.revision, "desc")], page)


async def draft_of(session: AsyncSession, item: Item) -> Draft | None:
    return await session.get(Draft, item.item_id)


async def drafts_of(session: AsyncSession, items: Sequence[Item]) -> dict[UUID, Draft]:
    statement = select(Draft).where(Draft.item_id.in_([item.item_id for item in items]))
    return {draft.item_id: draft for draft in await session.scalars(statement)}


async def base_item(session: AsyncSession, catalog_code: str | None) -> BaseItem | None:
    return None if catalog_code is None else await session.get(BaseItem, catalog_code)


async def base_items_page(session: AsyncSession, page: PageRequest) -> Window:
    return await paginate(session, select(BaseItem), [(BaseItem.catalog_code, "asc")], page)


async def names_of(session: AsyncSession, items: Sequence[Item]) -> Names:
    regions = await session.scalars(
        select(RegionCopy).where(RegionCopy.region_code.in_({i.region_code for i in items}))
    )
    departments = await session.scalars(
        select(DepartmentCopy).where(
            DepartmentCopy.department_code.in_({i.department_code for i in items})
        )
    )
    return Names(
        {one.region_code: (one.name, one.version) for one in regions},
        {one.department_code: (one.name, one.version) for one in departments},
    )
