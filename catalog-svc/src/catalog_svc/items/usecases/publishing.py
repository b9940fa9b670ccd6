"""Make a change of an item public: row, journal, index and event in one transaction."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

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
from catalog_svc.items.queries import NamedItem
from catalog_svc.items.rules import codes
from catalog_svc.items.rules.lifecycle import Action, Status
from catalog_svc.search.usecases import Entry, delete_entries, index_entries
from chassis import outbox
from chassis.database.sessions import WriteSession

EVENT_OF: Final[Mapping[Action, type[ItemState]]] = {
    Action.LIST: ItemPublished,
    Action.PUBLISH: ItemPublished,
    Action.SUSPEND: ItemSuspended,
    Action.RESUME: ItemResumed,
    Action.CANCEL: ItemCancelled,
}
# The action whose event describes an item in this status.
_LAST_ACTION: Final = {
    Status.LISTED: Action.LIST,
    Status.OPEN: Action.PUBLISH,
    Status.SUSPENDED: Action.SUSPEND,
    Status.CANCELLED: Action.CANCEL,
}
_RANK: Final = {Status.OPEN: 2, Status.SUSPENDED: 1}


@dataclass(frozen=True)
class Change:
    """One public change of one item; `guide` is the one published now."""

    item: Item
    action: Action
    guide: dict[str, Any] | None
    actor_id: UUID
    reason: str | None = None


async def publish_guide(
    session: WriteSession,
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
    copy_guide(item, guide)
    await announce(session, [Change(item, Action.PUBLISH, guide, approved_by)])


def copy_guide(item: Item, guide: Mapping[str, Any]) -> None:
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


async def publish_state(session: WriteSession, item: Item) -> None:
    """Publish every earlier guide, for cases that began with one, and then the present state."""
    if item.revision == 0:  # never public
        return
    guide = await queries.guide_of(session, item)
    change = Change(item, _LAST_ACTION[Status(item.status)], guide, item.item_id)
    named = await queries.named_items(session, [item.item_id])
    present = _event(change, named[item.item_id])
    for version in await queries.earlier_versions(session, item):
        # Revision 0 is older than any copy, so a consumer keeps nothing of it but the guide.
        earlier = {"revision": 0, "version": version.version, "guide": version.guide}
        await outbox.record(session, present.model_copy(update=earlier))
    await outbox.record(session, present)


async def announce(session: WriteSession, changes: Sequence[Change]) -> None:
    """Journal, index and event for changes already made on the rows."""
    for change in changes:
        change.item.revision += 1
        session.add(
            ItemRevision(
                item_id=change.item.item_id,
                revision=change.item.revision,
                action=change.action,
                status=change.item.status,
                version=change.item.version,
                name=change.item.name,
                reason=change.reason,
                actor_id=change.actor_id,
            )
        )
    await session.flush()
    cancelled = [c.item.item_id for c in changes if c.item.status == Status.CANCELLED]
    await delete_entries(session, cancelled)
    await index_entries(session, [_entry(c) for c in changes if c.item.item_id not in cancelled])
    named = await queries.named_items(session, [change.item.item_id for change in changes])
    for change in changes:
        await outbox.record(session, _event(change, named[change.item.item_id]))


def _entry(change: Change) -> Entry:
    """What people may search for: the words of the guide, or of the listed item."""
    item, guide = change.item, change.guide or {}

    def texts(member: str, *groups: str) -> list[str]:
        return [entry.get(member) or "" for group in groups for entry in guide.get(group) or ()]

    words = [
        item.parent_name or "",
        item.department_name or "",
        item.item_code,
        *texts("name", "materials", "results", "windows"),
        *texts("text", "conditions", "questions", "legal_basis"),
        *texts("question", "faqs"),
    ]
    return Entry(
        item_id=item.item_id,
        title=item.name,
        body=" ".join(words),
        filters=filter_tokens(item),
        rank=_RANK.get(Status(item.status), 0),
    )


def filter_tokens(item: Item) -> list[str]:
    """What the filters of the item list look for in the search index."""
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


def _event(change: Change, named: NamedItem) -> ItemState:
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
            "department": Named(code=item.department_code, name=named.department),
            "region": Named(code=item.region_code, name=named.region),
            "guide": change.guide,
        }
    )
