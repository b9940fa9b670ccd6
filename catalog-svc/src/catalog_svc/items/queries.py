"""Every SELECT over items; what an actor may not see is not found."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Select, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from catalog_svc.items.errors import BaseItemNotFound, ItemNotFound, VersionNotFound
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


class NamedItem(NamedTuple):
    """An item with the present names of its division and department.

    The versions are those of the names; they change when a division or department is renamed.
    """

    item: Item
    region: str
    department: str
    region_version: int
    department_version: int

    @property
    def tag(self) -> str:
        return f"{self.item.revision}.{self.region_version}.{self.department_version}"


class ManagedItem(NamedTuple):
    """An item as its administrators see it; `draft_status` is None while it has no draft."""

    named: NamedItem
    draft_status: str | None


def public() -> Select[Item]:
    """Everything that has ever been public; drafts never."""
    return select(Item).where(Item.status != Status.DRAFT, Item.revision > 0)


def with_names(statement: Select[Item]) -> Select[Item, str, str, int, int]:
    """The columns of `NamedItem`; a name that has not been copied yet is the item's own."""
    return (
        statement.outerjoin(RegionCopy, RegionCopy.region_code == Item.region_code)
        .outerjoin(DepartmentCopy, DepartmentCopy.department_code == Item.department_code)
        .add_columns(
            func.coalesce(RegionCopy.name, Item.region_name, Item.region_code),
            func.coalesce(DepartmentCopy.name, Item.department_name, Item.department_code),
            func.coalesce(RegionCopy.version, 0),
            func.coalesce(DepartmentCopy.version, 0),
        )
    )


async def named_items(session: AsyncSession, item_ids: Sequence[UUID]) -> dict[UUID, NamedItem]:
    statement = with_names(select(Item).where(Item.item_id.in_(item_ids)))
    return {row[0].item_id: NamedItem(*row) for row in await session.execute(statement)}


async def public_items(session: AsyncSession, item_ids: Sequence[UUID]) -> list[NamedItem]:
    """Those of these items that are public, in the order of the ids."""
    statement = with_names(public().where(Item.item_id.in_(item_ids)))
    rows = {row[0].item_id: NamedItem(*row) for row in await session.execute(statement)}
    return [rows[item_id] for item_id in item_ids if item_id in rows]


async def get_public(session: AsyncSession, item_id: UUID) -> NamedItem:
    items = await public_items(session, [item_id])
    if not items:
        raise ItemNotFound(item_id=item_id)
    return items[0]


async def get_any(session: AsyncSession, item_id: UUID, *, lock: bool = False) -> Item:
    """The item whatever its status; the caller's policy decides what the actor may know."""
    statement = select(Item).where(Item.item_id == item_id)
    item = await session.scalar(statement.with_for_update() if lock else statement)
    if item is None:
        raise ItemNotFound(item_id=item_id)
    return item


async def public_of_types(
    session: AsyncSession, task_types: Sequence[str], page: PageRequest
) -> Window:
    """The public list of some item types, cancelled items left out."""
    statement = public().where(Item.task_type.in_(task_types), Item.status != Status.CANCELLED)
    window = await paginate(session, with_names(statement), [(Item.item_id, "asc")], page)
    return Window([NamedItem(*row) for row in window.rows], window.next, window.count)


def _managed(statement: Select[Item]) -> Select[Item, str, str, int, int, str | None]:
    joined = with_names(statement).outerjoin(Draft, Draft.item_id == Item.item_id)
    return joined.add_columns(Draft.status)


async def managed_page(
    session: AsyncSession, actor: Actor, status: str | None, page: PageRequest
) -> Window:
    """The items this administrator manages, newest first."""
    statement = select(Item)
    if not actor.has("platform_admin"):
        statement = statement.where(Item.department_code == actor.department)
    if status is not None:
        statement = statement.where(Item.status == status)
    window = await paginate(session, _managed(statement), [(Item.item_id, "desc")], page)
    rows = [ManagedItem(NamedItem(*row[:-1]), row[-1]) for row in window.rows]
    return Window(rows, window.next, window.count)


async def get_managed(session: AsyncSession, item_id: UUID) -> ManagedItem:
    """Like `get_any`: the caller's policy decides what the actor may know."""
    statement = _managed(select(Item).where(Item.item_id == item_id))
    row = (await session.execute(statement)).one_or_none()
    if row is None:
        raise ItemNotFound(item_id=item_id)
    return ManagedItem(NamedItem(*row[:-1]), row[-1])


async def by_codes(session: AsyncSession, item_codes: Iterable[str]) -> dict[str, Item]:
    """Locked, because an import decides on what it reads here."""
    statement = select(Item).where(Item.item_code.in_(set(item_codes))).with_for_update()
    return {item.item_code: item for item in await session.scalars(statement)}


async def exists(session: AsyncSession, item_code: str) -> bool:
    return await session.scalar(select(Item.item_id).where(Item.item_code == item_code)) is not None


async def guide_of(session: AsyncSession, item: Item) -> dict[str, Any] | None:
    """The published guide; None for an item that is only listed."""
    if item.version == 0:
        return None
    return (await get_version(session, item, item.version)).guide


async def get_version(session: AsyncSession, item: Item, version: int) -> ItemVersion:
    row = await session.get(ItemVersion, (item.item_id, version))
    if row is None:
        raise VersionNotFound(version=version)
    return row


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


async def find_base_item(session: AsyncSession, catalog_code: str | None) -> BaseItem | None:
    return None if catalog_code is None else await session.get(BaseItem, catalog_code)


async def get_base_item(session: AsyncSession, catalog_code: str) -> BaseItem:
    base = await find_base_item(session, catalog_code)
    if base is None:
        raise BaseItemNotFound(catalog_code=catalog_code)
    return base


async def base_items_page(session: AsyncSession, page: PageRequest) -> Window:
    return await paginate(session, select(BaseItem), [(BaseItem.catalog_code, "asc")], page)
