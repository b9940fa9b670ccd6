"""The base catalogue (基本目录)."""

from fastapi import APIRouter, Request, Response

from catalog_svc.items import queries
from catalog_svc.items.errors import CatalogCodeTaken
from catalog_svc.items.schemas.managing import BaseItemIn, BaseItemOut, base_item_out
from catalog_svc.items.usecases.base_items import create_base_item as create
from catalog_svc.settings import max_age
from chassis.auth import Anyone, PlatformAdmin
from chassis.db import ReadSession, Session
from chassis.pagination import Page, PageQuery, page_of
from chassis.preconditions import digest_of, public_read
from chassis.problems import problems

router = APIRouter(prefix="/catalog/base-items", tags=["catalogue: base items"])


@router.get("")
async def list_base_items(
    request: Request, response: Response, _actor: Anyone, session: ReadSession, page: PageQuery
) -> Page[BaseItemOut]:
    """The base catalogue by code."""
    window = await queries.base_items_page(session, page)
    answer = page_of(window, [base_item_out(base) for base in window.rows])
    public_read(request, response, digest_of(answer), max_age(session))
    return answer


@router.post("", status_code=201, responses=problems(CatalogCodeTaken))
async def create_base_item(body: BaseItemIn, actor: PlatformAdmin, session: Session) -> BaseItemOut:
    """Add an entry that implementation items must agree with."""
    base = await create(
        session,
        actor,
        catalog_code=body.catalog_code,
        name=body.name,
        task_type=body.task_type,
        use_levels=list(body.use_levels),
        legal_basis=[law.model_dump() for law in body.legal_basis],
    )
    return base_item_out(base)
