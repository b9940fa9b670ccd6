"""Write a guide: create, edit, submit, approve, return."""

from dataclasses import asdict, dataclass
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from catalog_svc.items import policies, queries
from catalog_svc.items.errors import (
    BadGuide,
    DraftNotFound,
    GuideIncomplete,
    IllegalMove,
    ItemCodeTaken,
)
from catalog_svc.items.models import Draft, Item
from catalog_svc.items.rules import checks, codes, lifecycle
from catalog_svc.items.rules.lifecycle import DraftAction, DraftStatus, Status
from catalog_svc.items.usecases import checking
from catalog_svc.items.usecases.publishing import publish_guide
from chassis import clock
from chassis.auth import Actor
from chassis.database.sessions import WriteSession
from chassis.errors import FieldError
from chassis.preconditions import ensure_match


@dataclass(frozen=True)
class NewItem:
    """What identifies an item and says whose it is, before its guide is written."""

    item_code: str
    name: str
    parent_name: str | None
    task_type: str
    department_code: str
    department_name: str | None
    region_code: str
    region_name: str | None

    @classmethod
    def from_guide(cls, guide: dict[str, Any]) -> "NewItem":
        region = guide["region"]
        return cls(
            item_code=guide["item_code"],
            name=guide["name"],
            parent_name=guide.get("parent_name"),
            task_type=guide["task_type"],
            department_code=guide["department"]["code"],
            department_name=guide["department"]["name"],
            region_code=codes.region_code(region["code"]) or region["code"],
            region_name=region["name"],
        )


async def create_item(
    session: WriteSession, actor: Actor, new: NewItem, guide: dict[str, Any]
) -> tuple[Item, Draft]:
    """A new item in draft, invisible to the public until its guide is approved."""
    policies.ensure_manages_department(actor, new.department_code)
    if await queries.exists(session, new.item_code):
        raise ItemCodeTaken(item_code=new.item_code)
    item = item_of(new, Status.DRAFT)
    content = {**checking.listed_guide(item), **guide}
    _ensure_belongs(actor, item, content)
    session.add(item)
    await session.flush()
    draft = Draft(
        item_id=item.item_id, guide=content, status=DraftStatus.EDITING, tag=1, edited_by=actor.id
    )
    session.add(draft)
    await session.flush()
    return item, draft


def item_of(new: NewItem, status: Status) -> Item:
    """The row of an item that has no guide yet."""
    code = codes.parse(new.item_code)
    return Item(
        item_id=clock.new_id(),
        item_code=new.item_code,
        code_kind=code.kind,
        code_parts=code.parts(),
        task_code=code.task_code,
        catalog_code=code.catalog_code,
        status=status,
        version=0,
        revision=0,
        name=new.name,
        parent_name=new.parent_name,
        task_type=new.task_type,
        department_code=new.department_code,
        department_name=new.department_name,
        region_code=new.region_code,
        region_name=new.region_name,
        audience=[],
        themes={},
        online_applicable=False,
    )


async def read_draft(session: AsyncSession, actor: Actor, item_id: UUID) -> tuple[Item, Draft]:
    """The stored draft, or one made from what is published or listed (tag 0, not stored)."""
    item = await queries.get_any(session, item_id)
    policies.ensure_manages(actor, item)
    return item, await _draft(session, actor, item)


async def edit_draft(
    session: WriteSession, actor: Actor, item_id: UUID, guide: dict[str, Any], match: str
) -> tuple[Item, Draft]:
    """Replace the draft's guide; only the platform may change its department, nobody its code."""
    item, draft = await _locked(session, actor, item_id)
    ensure_match(match, draft.tag)
    _ensure_belongs(actor, item, guide)
    draft.move(DraftAction.EDIT)
    draft.guide = guide
    draft.edited_by = actor.id
    session.add(draft)
    await session.flush()
    return item, draft


async def submit_draft(
    session: WriteSession, actor: Actor, item_id: UUID, match: str | None
) -> tuple[Item, Draft]:
    """Submit the draft to the platform. Gaps are shown now and refused at approval."""
    item, draft = await _stored(session, actor, item_id, match)
    draft.move(DraftAction.SUBMIT)
    draft.submitted_by = actor.id
    draft.submitted_at = clock.now()
    draft.return_reason = None
    await session.flush()
    return item, draft


async def approve_draft(
    session: WriteSession, actor: Actor, item_id: UUID, match: str | None
) -> None:
    """Publish the submitted guide as the next version; its submitter may not approve it."""
    item, draft = await _stored(session, actor, item_id, match)
    # The move comes first, so that a draft not submitted is refused alike for every actor.
    draft.move(DraftAction.APPROVE)
    policies.ensure_approves(actor, draft)
    blocking = checks.blocking(await checking.gaps_of(session, draft.guide))
    if blocking:
        raise GuideIncomplete([asdict(gap) for gap in blocking])
    assert draft.submitted_by is not None
    await publish_guide(
        session,
        item,
        draft.guide,
        source="approval",
        submitted_by=draft.submitted_by,
        approved_by=actor.id,
    )


async def return_draft(
    session: WriteSession, actor: Actor, item_id: UUID, reason: str, match: str | None
) -> tuple[Item, Draft]:
    """Send the draft back to its department with a reason."""
    item, draft = await _stored(session, actor, item_id, match)
    draft.move(DraftAction.RETURN)
    draft.return_reason = reason
    await session.flush()
    return item, draft


async def _locked(session: WriteSession, actor: Actor, item_id: UUID) -> tuple[Item, Draft]:
    # The lock on the item serialises everybody who works on its draft.
    item = await queries.get_any(session, item_id, lock=True)
    policies.ensure_manages(actor, item)
    if item.status == Status.CANCELLED:
        raise IllegalMove(item.status, DraftAction.EDIT, [])
    return item, await _draft(session, actor, item)


async def _stored(
    session: WriteSession, actor: Actor, item_id: UUID, match: str | None
) -> tuple[Item, Draft]:
    item, draft = await _locked(session, actor, item_id)
    if draft.tag == 0:
        raise DraftNotFound
    ensure_match(match, draft.tag)
    return item, draft


async def _draft(session: AsyncSession, actor: Actor, item: Item) -> Draft:
    stored = await queries.draft_of(session, item)
    if stored is not None:
        return stored
    guide = await queries.guide_of(session, item) or checking.listed_guide(item)
    return Draft(
        item_id=item.item_id,
        guide=guide,
        status=DraftStatus.EDITING,
        tag=0,
        edited_by=actor.id,
        updated_at=item.updated_at,
    )


def _ensure_belongs(actor: Actor, item: Item, guide: dict[str, Any]) -> None:
    checking.ensure_shape(guide)
    if guide.get("item_code", item.item_code) != item.item_code:
        raise BadGuide(
            [
                FieldError(
                    "/guide/item_code",
                    "immutable",
                    f"事项编码不可更改（{item.item_code}）",
                    f"the item code stays {item.item_code}",
                )
            ]
        )
    department = (guide.get("department") or {}).get("code", item.department_code)
    policies.ensure_manages_department(actor, department)


def draft_actions(item: Item, draft: Draft) -> list[str]:
    """The actions possible on this draft now."""
    if item.status == Status.CANCELLED:
        return []
    if draft.tag == 0:
        return [DraftAction.EDIT]
    return [*lifecycle.allowed(lifecycle.DRAFT_MOVES, DraftStatus(draft.status))]
