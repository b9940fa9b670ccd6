"""What imports do to items: list them by name, or publish whole guides."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal
from uuid import UUID

from catalog_svc.items import queries
from catalog_svc.items.models import Item
from catalog_svc.items.rules import checks
from catalog_svc.items.rules.gaps import Gap
from catalog_svc.items.rules.lifecycle import Action, DraftStatus, Status
from catalog_svc.items.usecases import checking
from catalog_svc.items.usecases.drafting import NewItem, item_of
from catalog_svc.items.usecases.publishing import Change, announce, publish_guide
from chassis.auth import Actor
from chassis.database.sessions import WriteSession

Outcome = Literal["created", "changed", "unchanged", "cancelled", "foreign", "incomplete"]
# The columns that a list sets, and that a second import of it is compared by.
LISTED: Final = (
    "name",
    "parent_name",
    "task_type",
    "department_code",
    "department_name",
    "region_code",
)


@dataclass(frozen=True)
class ImportOutcome:
    """`gaps` are those of an incomplete guide."""

    outcome: Outcome
    gaps: Sequence[Gap] = ()


async def list_items(
    session: WriteSession,
    actor_id: UUID,
    rows: Sequence[NewItem],
    *,
    department: str | None,
    dry_run: bool,
) -> list[ImportOutcome]:
    """One outcome per row; a department lists its own items only, None stands for the platform.

    An item with a published guide is left as it is: its guide is more precise than a list.
    """
    items = await queries.by_codes(session, [row.item_code for row in rows])
    outcomes = [_outcome(items.get(row.item_code), row, department) for row in rows]
    changes: list[Change] = []
    for row, outcome in zip(rows, outcomes, strict=True):
        if dry_run or outcome not in {"created", "changed"}:
            continue
        item = items.get(row.item_code)
        if item is None:
            item = item_of(row, Status.LISTED)
            session.add(item)
        else:
            item.move(Action.LIST)
            for name in LISTED:
                setattr(item, name, getattr(row, name))
        changes.append(Change(item, Action.LIST, None, actor_id))
    await announce(session, changes)
    return [ImportOutcome(outcome) for outcome in outcomes]


async def publish_imported(
    session: WriteSession, actor_id: UUID, guide: dict[str, Any], *, dry_run: bool
) -> ImportOutcome:
    """Publish a whole guide on the importer's authority, unless it is published already."""
    gaps = checks.blocking(await checking.gaps_of(session, guide))
    if gaps:
        return ImportOutcome("incomplete", gaps)
    item = (await queries.by_codes(session, [guide["item_code"]])).get(guide["item_code"])
    if item is not None and item.status == Status.CANCELLED:
        return ImportOutcome("cancelled")
    if item is not None and await queries.guide_of(session, item) == guide:
        return ImportOutcome("unchanged")
    outcome = ImportOutcome("created" if item is None else "changed")
    if dry_run:
        return outcome
    if item is None:
        item = item_of(NewItem.from_guide(guide), Status.DRAFT)
        session.add(item)
        await session.flush()
    await publish_guide(
        session, item, guide, source="import", submitted_by=actor_id, approved_by=actor_id
    )
    draft = await queries.draft_of(session, item)
    # An approved draft follows what is published; a draft being edited belongs to its department.
    if draft is not None and draft.status == DraftStatus.APPROVED:
        draft.guide, draft.tag = guide, draft.tag + 1
    return outcome


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
    same = all(getattr(item, name) == getattr(row, name) for name in LISTED)
    return "unchanged" if same and item.status == Status.LISTED else "changed"
