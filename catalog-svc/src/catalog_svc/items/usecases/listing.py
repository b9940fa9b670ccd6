"""What imports do to items: list them by name, or publish whole guides."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from catalog_svc.items import queries
from catalog_svc.items.models import Item
from catalog_svc.items.rules import checks, codes
from catalog_svc.items.rules.gaps import Gap
from catalog_svc.items.rules.lifecycle import Action, DraftStatus, Status
from catalog_svc.items.usecases import checking
from catalog_svc.items.usecases.drafting import NewItem, item_of
from catalog_svc.items.usecases.publishing import Change, announce, publish_guide
from chassis.auth import Actor

Outcome = Literal["created", "changed", "unchanged", "cancelled", "foreign", "incomplete"]
# What a list says of an item, and what a second import is compared by.
LISTED: Final = (
    "name",
    "parent_name",
    "task_type",
    "department_code",
    "department_name",
    "region_code",
)


@dataclass(frozen=True)
class GuideOutcome:
    outcome: Outcome
    gaps: Sequence[Gap] = ()


async def list_items(
    session: AsyncSession,
    actor_id: UUID,
    rows: Sequence[NewItem],
    *,
    department: str | None,
    dry_run: bool,
) -> list[Outcome]:
    """One outcome per row; `department` (None: the platform) lists its own items only.

    A published guide knows better than a list, so its item stays as it is.
    """
    held = await queries.by_codes(session, [row.item_code for row in rows])
    outcomes: list[Outcome] = []
    changes: list[Change] = []
    for row in rows:
        item = held.get(row.item_code)
        outcome = _outcome(item, row, department)
        outcomes.append(outcome)
        if outcome in {"created", "changed"} and not dry_run:
            listed = _create(session, row) if item is None else _update(item, row)
            changes.append(Change(listed, Action.LIST, None, actor_id))
    await announce(session, changes)
    return outcomes


async def publish_imported(
    session: AsyncSession, actor_id: UUID, guide: dict[str, Any], *, dry_run: bool
) -> GuideOutcome:
    """Publish a whole guide on the importer's authority, unless it is what stands there already."""
    gaps = checks.blocking(await checking.gaps_of(session, guide))
    if gaps:
        return GuideOutcome("incomplete", gaps)
    item = (await queries.by_codes(session, [guide["item_code"]])).get(guide["item_code"])
    if item is not None and item.status == Status.CANCELLED:
        return GuideOutcome("cancelled")
    if item is not None and await queries.guide_of(session, item) == guide:
        return GuideOutcome("unchanged")
    if not dry_run:
        found = item or _create(session, _identity(guide), Status.DRAFT)
        await session.flush()
        await publish_guide(
            session, found, guide, source="import", submitted_by=actor_id, approved_by=actor_id
        )
        await _renew_draft(session, found, guide)
    return GuideOutcome("created" if item is None else "changed")


async def _renew_draft(session: AsyncSession, item: Item, guide: dict[str, Any]) -> None:
    """An approved draft follows what is published; one in work is its department's own."""
    draft = await queries.draft_of(session, item)
    if draft is not None and draft.status == DraftStatus.APPROVED:
        draft.guide, draft.tag = guide, draft.tag + 1


def department_of(actor: Actor) -> str | None:
    return None if actor.has("platform_admin") else actor.department or ""


def _outcome(item: Item | None, row: NewItem, department: str | None) -> Outcome:
    owners = {row.department_code} if item is None else {row.department_code, item.department_code}
    if department is not None and owners != {department}:
        return "foreign"
    if item is None:
        return "created"
    if item.status == Status.CANCELLED:
        return "cancelled"
    if item.version > 0:
        return "unchanged"
    if item.status == Status.LISTED and _listed(item) == _listed(row):
        return "unchanged"
    return "changed"


def _listed(source: Item | NewItem) -> list[str | None]:
    return [getattr(source, name) for name in LISTED]


def _create(session: AsyncSession, row: NewItem, status: Status = Status.LISTED) -> Item:
    item = item_of(row, status)
    session.add(item)
    return item


def _update(item: Item, row: NewItem) -> Item:
    item.move(Action.LIST)
    for name in LISTED:
        setattr(item, name, getattr(row, name))
    return item


def _identity(guide: dict[str, Any]) -> NewItem:
    return NewItem(
        item_code=guide["item_code"],
        name=guide["name"],
        parent_name=guide.get("parent_name"),
        task_type=guide["task_type"],
        department_code=guide["department"]["code"],
        department_name=guide["department"]["name"],
        region_code=codes.region_code(guide["region"]["code"]) or guide["region"]["code"],
        region_name=guide["region"]["name"],
    )
