"""The public catalogue: search, guide, form, pre-check."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response

from catalog_svc.items import queries
from catalog_svc.items.errors import ItemNotFound, ItemNotOpen, WrongAnswers
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
from chassis.database.sessions import ReadSession
from chassis.http.route import TransactionRoute
from chassis.pagination import BadCursor, Page, PageQuery, page_of
from chassis.preconditions import digest_of, public_read
from chassis.problems import problems

router = APIRouter(route_class=TransactionRoute, prefix="/items", tags=["items"])


async def item_search(
    q: Annotated[str | None, Query(max_length=200, description="Words, pinyin or initials")] = None,
    region: Annotated[RegionCode | None, Query(description="A division and all in it")] = None,
    department: Annotated[str | None, Query(max_length=50)] = None,
    type: Annotated[TaskType | None, Query(description="Item type, 1–2 digits")] = None,  # noqa: A002 - the contract's word
    audience: ApplicantType | None = None,
    theme: Annotated[str | None, Query(pattern=r"^\d{3}$")] = None,
    online: bool | None = None,
) -> Search:
    # A theme code means different things to persons and to companies; the audience decides.
    theme_prefix = {None: "H", "natural_person": "HN"}.get(audience, "HL")
    filters = {
        "R": region,
        "D": department,
        "T": type,
        "A": audience,
        theme_prefix: theme,
        "O": None if online is None else int(online),
    }
    tokens = [f"{prefix}:{value}" for prefix, value in filters.items() if value is not None]
    return Search(text=q, filters=tokens)


@router.get("", responses=problems(BadCursor))
async def list_items(
    request: Request,
    response: Response,
    _actor: Anyone,
    session: ReadSession,
    search: Annotated[Search, Depends(item_search)],
    page: PageQuery,
) -> Page[ItemOut]:
    """Search the catalogue: with `q` the best match first, otherwise open items first."""
    window = await find(session, search, page)
    items = await queries.public_items(session, window.rows)
    answer = page_of(window, [item_out(named) for named in items])
    public_read(request, response, digest_of(answer), max_age(session), shared=True)
    return answer


@router.get("/{item_id}", responses=problems(ItemNotFound))
async def read_item(
    item_id: UUID, request: Request, response: Response, _actor: Anyone, session: ReadSession
) -> ItemDetailOut:
    """The whole guide; `guide_gaps` lists what a listed item still lacks."""
    named = await queries.get_public(session, item_id)
    public_read(request, response, named.tag, max_age(session), shared=True)
    guide, gaps = await reading.guide_and_gaps(session, named.item)
    return detail_out(named, guide, gaps)


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
    eligibility, materials = await applying.precheck_item(
        session, item_id, body.answers, body.applicant_type
    )
    return precheck_out(eligibility, materials)
