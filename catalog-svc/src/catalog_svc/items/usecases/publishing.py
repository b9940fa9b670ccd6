"""Make a change of an item public: row, journal, index and event in one transaction."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from catalog_svc.items import queries
from catalog_svc.items.events import (
    ItemCancelled,
    ItemPublished,
    ItemResumed,
    ItemState,
    ItemSuspended,
    Named,
)
from catalog_svc.items.models import Item, ItemRevision, ItemVersion
from catalog_svc.items.rules import codes
from catalog_svc.items.rules.lifecycle import Action, Status
from catalog_svc.search.usecases import Entry, forget_entry, index_entries
from chassis import outbox

EVENT_OF: Final[Mapping[Action, type[ItemState]]] = {
    Action.LIST: ItemPublished,
    Action.PUBLISH: ItemPublished,
    Action.SUSPEND: ItemSuspended,
    Action.RESUME: ItemResumed,
    Action.CANCEL: ItemCancelled,
}
_LAST_STEP: Final = {
    Status.LISTED: Action.LIST,
    Status.OPEN: Action.PUBLISH,
    Status.SUSPENDED: Action.SUSPEND,
    Status.CANCELLED: Action.CANCEL,
}
_STANDING: Final = {Status.OPEN: 2, Status.SUSPENDED: 1}


@dataclass(frozen=True)
class Change:
    """One step of one item that the world is told of."""

    item: Item
    action: Action
    guide: dict[str, Any] | None
    actor_id: UUID
    reason: str | None = None


async def publish_guide(
    session: AsyncSession,
    item: Item,
    guide: dict[str, Any],
    *,
    source: str,
    submitted_by: UUID,
    approved_by: UUID,
) -> None:
    """Publish a guide that passed the checks as the item's next, immutable version."""
    item.move(Action.PUBLISH)
    item.version += 1
    session.add(
        ItemVersion(
            item_id=item.item_id,
            version=item.version,
            guide=guide,
            source=source,
            submitted_by=submitted_by,
            approved_by=approved_by,
        )
    )
    show(item, guide)
    await announce(session, [Change(item, Action.PUBLISH, guide, approved_by)])


def show(item: Item, guide: Mapping[str, Any]) -> None:
    """Copy onto the row what lists and searches need of a guide."""
    item.name = guide["name"]
    item.parent_name = guide.get("parent_name")
    item.task_type = guide["task_type"]
    item.task_code = guide.get("task_code")
    item.catalog_code = guide.get("catalog_code")
    item.department_code = guide["department"]["code"]
    item.department_name = guide["department"]["name"]
    item.region_code = codes.region_code(guide["region"]["code"]) or guide["region"]["code"]
    item.region_name = guide["region"]["name"]
    item.audience = list(guide.get("audience") or ())
    item.themes = dict(guide.get("themes") or {})
    item.online_applicable = bool(guide.get("online_applicable"))
    item.promise = guide.get("promise")
    item.visits = guide.get("visits")


async def tell_again(session: AsyncSession, item: Item) -> None:
    """Every guide it ever had, for cases that began with one, and then its present state."""
    if item.revision == 0:  # never public
        return
    names = await queries.names_of(session, [item])
    guide = await queries.guide_of(session, item)
    present = _event(Change(item, _LAST_STEP[Status(item.status)], guide, item.item_id), names)
    for one in await queries.earlier_versions(session, item):
        # As a revision older than any copy's, so that only the guide is kept.
        earlier = {"revision": 0, "version": one.version, "guide": one.guide}
        await outbox.record(session, present.model_copy(update=earlier))
    await outbox.record(session, present)


async def announce(session: AsyncSession, changes: Sequence[Change]) -> None:
    """Journal, index and event for changes already made on the rows."""
    for change in changes:
        change.item.revision += 1
        session.add(_journal(change))
    await session.flush()
    await _index(session, changes)
    names = await queries.names_of(session, [change.item for change in changes])
    for change in changes:
        await outbox.record(session, _event(change, names))


def _journal(change: Change) -> ItemRevision:
    item = change.item
    return ItemRevision(
        item_id=item.item_id,
        revision=item.revision,
        action=change.action,
        status=item.status,
        version=item.version,
        name=item.name,
        reason=change.reason,
        actor_id=change.actor_id,
    )


async def _index(session: AsyncSession, changes: Sequence[Change]) -> None:
    shown = [change for change in changes if change.item.status != Status.CANCELLED]
    await index_entries(session, [_entry(change.item, change.guide or {}) for change in shown])
    for change in changes:
        if change.item.status == Status.CANCELLED:
            await forget_entry(session, change.item.item_id)


def _entry(item: Item, guide: Mapping[str, Any]) -> Entry:
    return Entry(
        item_id=item.item_id,
        title=item.name,
        body=" ".join(_body(item, guide)),
        filters=filter_tokens(item),
        standing=_STANDING.get(Status(item.status), 0),
    )


def _body(item: Item, guide: Mapping[str, Any]) -> list[str]:
    groups = ("conditions", "questions", "legal_basis")
    texts = [entry.get("text") or "" for group in groups for entry in guide.get(group) or ()]
    named = [
        entry["name"]
        for group in ("materials", "results", "windows")
        for entry in guide.get(group) or ()
    ]
    asked = [faq["question"] for faq in guide.get("faqs") or ()]
    known = [item.parent_name or "", item.department_name or "", item.item_code]
    return [*known, *named, *texts, *asked]


def filter_tokens(item: Item) -> list[str]:
    """What the filters of the item list look for inside the search index."""
    natural = item.themes.get("natural_person", [])
    legal = item.themes.get("legal_person", [])
    return [
        *(f"R:{code}" for code in codes.region_and_above(item.region_code)),
        f"D:{item.department_code}",
        f"T:{item.task_type}",
        *(f"A:{kind}" for kind in item.audience),
        *(f"H:{code}" for code in (*natural, *legal)),
        *(f"HN:{code}" for code in natural),
        *(f"HL:{code}" for code in legal),
        f"O:{int(item.online_applicable)}",
    ]


def _event(change: Change, names: queries.Names) -> ItemState:
    item = change.item
    return EVENT_OF[change.action].model_validate(
        {
            "item_id": item.item_id,
            "revision": item.revision,
            "version": item.version,
            "status": item.status,
            "item_code": item.item_code,
            "task_code": item.task_code,
            "name": item.name,
            "task_type": item.task_type,
            "department": Named(code=item.department_code, name=names.department(item)),
            "region": Named(code=item.region_code, name=names.region(item)),
            "guide": change.guide,
        }
    )
