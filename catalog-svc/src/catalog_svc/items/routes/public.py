"""The public catalogue: search, guide, form, pre-check."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response

from catalog_svc.items import queries
from catalog_svc.items.errors import ItemNotFound, ItemNotOpen, WrongAnswers
from catalog_svc.items.schemas.filters import filters_of
from catalog_svc.items.schemas.managing import RegionCode, TaskType
from catalog_svc.items.schemas.public import (
    ApplicantType,
    FormOut,
    ItemDetailOut,
    ItemOut,
    PrecheckIn,
    PrecheckOut,
    detail_out,
    form_out,
    item_out,
    precheck_out,
)
from catalog_svc.items.usecases import applying, reading
from catalog_svc.search.queries import Search, find
from catalog_svc.settings import max_age
from chassis.auth import Anyone
from chassis.db import ReadSession
from chassis.pagination import BadCursor, Page, PageQuery, page_of
from chassis.preconditions import digest_of, public_read
from chassis.problems import problems

router = APIRouter(prefix="/items", tags=["items"])


async def _search(
    q: Annotated[str | None, Query(max_length=200, description="Words, pinyin or initials")] = None,
    region: Annotated[RegionCode | None, Query(description="A division and all in it")] = None,
    department: Annotated[str | None, Query(max_length=50)] = None,
    type: Annotated[TaskType | None, Query(description="Item type, 1–2 digits")] = None,  # noqa: A002 - the contract's word
    audience: ApplicantType | None = None,
    theme: Annotated[str | None, Query(pattern=r"^\d{3}$")] = None,
    online: bool | None = None,
) -> Search:
    filters = filters_of(region, department, type, audience, theme, online=online)
    return Search(text=q, filters=filters)


@router.get("", responses=problems(BadCursor))
async def list_items(
    request: Request,
    response: Response,
    _actor: Anyone,
    session: ReadSession,
    search: Annotated[Search, Depends(_search)],
    page: PageQuery,
) -> Page[ItemOut]:
    """Search the catalogue; with `q` the best match comes first, else what is open."""
    window = await find(session, search, page)
    items, names = await queries.public_in_order(session, window.rows)
    answer = page_of(window, [item_out(item, names) for item in items])
    public_read(request, response, digest_of(answer), max_age(session), shared=True)
    return answer


@router.get("/{item_id}", responses=problems(ItemNotFound))
async def read_item(
    item_id: UUID, request: Request, response: Response, _actor: Anyone, session: ReadSession
) -> ItemDetailOut:
    """The whole guide; what a listed item still lacks stands in `guide_gaps`."""
    item, names = await queries.get_public_named(session, item_id)
    public_read(request, response, names.stamp(item), max_age(session), shared=True)
    guide, gaps = await reading.guide_and_gaps(session, item)
    return detail_out(item, names, guide, gaps)


@router.get("/{item_id}/form", responses=problems(ItemNotFound, ItemNotOpen))
async def read_form(
    item_id: UUID, request: Request, response: Response, _actor: Anyone, session: ReadSession
) -> FormOut:
    """The form of the published version and the questions that decide its materials."""
    item, guide = await applying.open_guide(session, item_id)
    public_read(request, response, f"form-{item.revision}", max_age(session), shared=True)
    return form_out(item, guide)


@router.post("/{item_id}/precheck", responses=problems(ItemNotFound, ItemNotOpen, WrongAnswers))
async def precheck_item(
    item_id: UUID, body: PrecheckIn, _actor: Anyone, session: ReadSession
) -> PrecheckOut:
    """Whether these answers allow an application, and which materials they lead to."""
    found, materials = await applying.precheck_item(
        session, item_id, body.answers, body.applicant_type
    )
    return precheck_out(found, materials)
