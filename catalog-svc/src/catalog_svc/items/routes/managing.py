"""Items for administrators: lists, versions, suspension, resumption, cancellation."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Body, Query, Request, Response
from sqlalchemy.ext.asyncio import AsyncSession

from catalog_svc.items import policies, queries
from catalog_svc.items.errors import IllegalMove, ItemNotFound, NotYourDepartment, VersionNotFound
from catalog_svc.items.models import Item
from catalog_svc.items.routes.answers import managed_answer
from catalog_svc.items.rules.guide_schema import GUIDE
from catalog_svc.items.rules.lifecycle import Action
from catalog_svc.items.schemas.managing import (
    AnyStatus,
    DifferenceOut,
    DiffOut,
    EmptyIn,
    ManagedItemOut,
    ReasonIn,
    RevisionOut,
    VersionDetailOut,
    VersionOut,
    managed_out,
)
from catalog_svc.items.schemas.public import Json
from catalog_svc.items.usecases import reading
from catalog_svc.items.usecases.availability import change_availability
from catalog_svc.settings import max_age
from chassis.auth import Actor, Anyone, DepartmentAdmin
from chassis.database.sessions import ReadSession, WriteSession
from chassis.errors import Stale
from chassis.http.route import TransactionRoute
from chassis.pagination import Page, PageQuery, page_of
from chassis.preconditions import OptionalMatch, digest_of, public_read
from chassis.problems import problems

router = APIRouter(route_class=TransactionRoute, prefix="/catalog", tags=["catalogue: items"])

_MOVES = problems(ItemNotFound, NotYourDepartment, IllegalMove, Stale)
_READS = problems(ItemNotFound, NotYourDepartment, VersionNotFound)


@router.get("/guide-schema")
async def read_guide_schema(
    request: Request, response: Response, _actor: Anyone, session: ReadSession
) -> Json:
    """The JSON Schema of a guide, for those who write one."""
    public_read(request, response, digest_of(GUIDE), max_age(session))
    return GUIDE


@router.get("/items")
async def list_managed_items(
    actor: DepartmentAdmin,
    session: ReadSession,
    page: PageQuery,
    status: Annotated[AnyStatus | None, Query()] = None,
) -> Page[ManagedItemOut]:
    """The items this administrator manages, newest first."""
    window = await queries.managed_page(session, actor, status, page)
    return page_of(window, [managed_out(managed) for managed in window.rows])


@router.get("/items/{item_id}", responses=_READS)
async def read_managed_item(
    item_id: UUID, response: Response, actor: DepartmentAdmin, session: ReadSession
) -> ManagedItemOut:
    """The item's status and the actions possible now."""
    managed = await queries.get_managed(session, item_id)
    policies.ensure_manages(actor, managed.named.item)
    return managed_answer(response, managed)


@router.post("/items/{item_id}/suspension", responses=_MOVES)
async def suspend_item(
    item_id: UUID,
    body: ReasonIn,
    response: Response,
    match: OptionalMatch,
    actor: DepartmentAdmin,
    session: WriteSession,
) -> ManagedItemOut:
    """Stop applications for a while; the guide stays readable."""
    await change_availability(
        session, actor, item_id, Action.SUSPEND, reason=body.reason, match=match
    )
    return managed_answer(response, await queries.get_managed(session, item_id))


@router.post("/items/{item_id}/resumption", responses=_MOVES)
async def resume_item(
    item_id: UUID,
    response: Response,
    match: OptionalMatch,
    actor: DepartmentAdmin,
    session: WriteSession,
    _body: Annotated[EmptyIn | None, Body()] = None,
) -> ManagedItemOut:
    """Open a suspended item again."""
    await change_availability(session, actor, item_id, Action.RESUME, reason=None, match=match)
    return managed_answer(response, await queries.get_managed(session, item_id))


@router.post("/items/{item_id}/cancellation", responses=_MOVES)
async def cancel_item(
    item_id: UUID,
    body: ReasonIn,
    response: Response,
    match: OptionalMatch,
    actor: DepartmentAdmin,
    session: WriteSession,
) -> ManagedItemOut:
    """Take an item out of the catalogue for good; its past stays readable."""
    await change_availability(
        session, actor, item_id, Action.CANCEL, reason=body.reason, match=match
    )
    return managed_answer(response, await queries.get_managed(session, item_id))


@router.get("/items/{item_id}/versions", responses=_READS)
async def list_versions(
    item_id: UUID, actor: DepartmentAdmin, session: ReadSession, page: PageQuery
) -> Page[VersionOut]:
    """The published guides, newest first."""
    item = await _managed(session, actor, item_id)
    window = await queries.versions_page(session, item, page)
    return page_of(window, [VersionOut.model_validate(version) for version in window.rows])


@router.get("/items/{item_id}/versions/{version}", responses=_READS)
async def read_version(
    item_id: UUID, version: int, actor: DepartmentAdmin, session: ReadSession
) -> VersionDetailOut:
    """One published guide as it was."""
    item = await _managed(session, actor, item_id)
    return VersionDetailOut.model_validate(await queries.get_version(session, item, version))


@router.get("/items/{item_id}/revisions", responses=_READS)
async def list_revisions(
    item_id: UUID, actor: DepartmentAdmin, session: ReadSession, page: PageQuery
) -> Page[RevisionOut]:
    """The journal: every public change, who made it and why, newest first."""
    item = await _managed(session, actor, item_id)
    window = await queries.revisions_page(session, item, page)
    return page_of(window, [RevisionOut.model_validate(revision) for revision in window.rows])


@router.get("/items/{item_id}/diff", responses=_READS)
async def compare_versions(
    item_id: UUID,
    actor: DepartmentAdmin,
    session: ReadSession,
    before: Annotated[int, Query(alias="from", ge=1)],
    after: Annotated[int, Query(alias="to", ge=1)],
) -> DiffOut:
    """What changed between two published versions."""
    item = await _managed(session, actor, item_id)
    differences = await reading.compare_versions(session, item, before, after)
    return DiffOut(
        from_version=before,
        to_version=after,
        differences=[DifferenceOut.model_validate(vars(change)) for change in differences],
    )


async def _managed(session: AsyncSession, actor: Actor, item_id: UUID) -> Item:
    item = await queries.get_any(session, item_id)
    policies.ensure_manages(actor, item)
    return item
