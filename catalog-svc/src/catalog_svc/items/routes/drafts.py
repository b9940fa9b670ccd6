"""Write a guide: create, edit, submit, approve, return."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Body, Response
from sqlalchemy.ext.asyncio import AsyncSession

from catalog_svc.items import queries
from catalog_svc.items.errors import (
    BadGuide,
    DraftNotFound,
    GuideIncomplete,
    IllegalMove,
    ItemCodeTaken,
    ItemNotFound,
    NotYourDepartment,
    OwnSubmission,
)
from catalog_svc.items.models import Draft, Item
from catalog_svc.items.routes.answers import managed_answer
from catalog_svc.items.schemas.managing import (
    DraftIn,
    DraftOut,
    EmptyIn,
    ItemIn,
    ManagedItemOut,
    ReasonIn,
    draft_out,
)
from catalog_svc.items.usecases import checking, drafting
from chassis.auth import DepartmentAdmin, PlatformAdmin
from chassis.database.sessions import ReadSession, WriteSession
from chassis.errors import PreconditionMissing, Stale
from chassis.http.route import TransactionRoute
from chassis.preconditions import OptionalMatch, RequiredMatch, set_tag
from chassis.problems import problems

router = APIRouter(
    route_class=TransactionRoute, prefix="/catalog/items", tags=["catalogue: drafts"]
)

_MOVES = problems(ItemNotFound, NotYourDepartment, DraftNotFound, IllegalMove, Stale)
Empty = Annotated[EmptyIn | None, Body()]


@router.post("", status_code=201, responses=problems(NotYourDepartment, ItemCodeTaken, BadGuide))
async def create_item(
    body: ItemIn, response: Response, actor: DepartmentAdmin, session: WriteSession
) -> DraftOut:
    """Begin a new item; the public does not see it until its guide is approved."""
    new = drafting.NewItem(
        item_code=body.item_code,
        name=body.name,
        parent_name=body.parent_name,
        task_type=body.task_type,
        department_code=body.department.code,
        department_name=body.department.name,
        region_code=body.region.code,
        region_name=body.region.name,
    )
    item, draft = await drafting.create_item(session, actor, new, body.guide)
    response.headers["Location"] = f"/api/v1/catalog/items/{item.item_id}/draft"
    return await _draft_out(session, response, item, draft)


@router.get("/{item_id}/draft", responses=problems(ItemNotFound, NotYourDepartment))
async def read_draft(
    item_id: UUID, response: Response, actor: DepartmentAdmin, session: ReadSession
) -> DraftOut:
    """The draft with its gaps; before the first edit, what is published or listed."""
    item, draft = await drafting.read_draft(session, actor, item_id)
    return await _draft_out(session, response, item, draft)


@router.put("/{item_id}/draft", responses=_MOVES | problems(BadGuide, PreconditionMissing))
async def edit_draft(
    item_id: UUID,
    body: DraftIn,
    response: Response,
    match: RequiredMatch,
    actor: DepartmentAdmin,
    session: WriteSession,
) -> DraftOut:
    """Replace the guide of the draft; refused while it is submitted."""
    item, draft = await drafting.edit_draft(session, actor, item_id, body.guide, match)
    return await _draft_out(session, response, item, draft)


@router.post("/{item_id}/submission", responses=_MOVES)
async def submit_draft(
    item_id: UUID,
    response: Response,
    match: OptionalMatch,
    actor: DepartmentAdmin,
    session: WriteSession,
    _body: Empty = None,
) -> DraftOut:
    """Submit the guide to the platform for approval; the answer lists its open gaps."""
    item, draft = await drafting.submit_draft(session, actor, item_id, match)
    return await _draft_out(session, response, item, draft)


@router.post("/{item_id}/approval", responses=_MOVES | problems(OwnSubmission, GuideIncomplete))
async def approve_draft(
    item_id: UUID,
    response: Response,
    match: OptionalMatch,
    actor: PlatformAdmin,
    session: WriteSession,
    _body: Empty = None,
) -> ManagedItemOut:
    """Publish the submitted guide as the item's next version, if it passes the checks."""
    await drafting.approve_draft(session, actor, item_id, match)
    return managed_answer(response, await queries.get_managed(session, item_id))


@router.post("/{item_id}/return", responses=_MOVES)
async def return_draft(
    item_id: UUID,
    body: ReasonIn,
    response: Response,
    match: OptionalMatch,
    actor: PlatformAdmin,
    session: WriteSession,
) -> DraftOut:
    """Send the guide back to its department with a reason."""
    item, draft = await drafting.return_draft(session, actor, item_id, body.reason, match)
    return await _draft_out(session, response, item, draft)


async def _draft_out(
    session: AsyncSession, response: Response, item: Item, draft: Draft
) -> DraftOut:
    set_tag(response, draft.tag)
    gaps = await checking.gaps_of(session, draft.guide)
    answer = draft_out(item, draft, gaps, drafting.draft_actions(item, draft))
    response.headers["Content-Location"] = answer.links["self"]
    return answer
