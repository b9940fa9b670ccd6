"""The base catalogue (基本目录)."""

from fastapi import APIRouter, Request, Response

from catalog_svc.items import queries
from catalog_svc.items.errors import BaseItemNotFound, CatalogCodeTaken
from catalog_svc.items.schemas.managing import BaseItemIn, BaseItemOut
from catalog_svc.items.usecases import base_items
from catalog_svc.settings import max_age
from chassis.auth import Anyone, PlatformAdmin
from chassis.database.sessions import ReadSession, WriteSession
from chassis.http.route import TransactionRoute
from chassis.pagination import Page, PageQuery, page_of
from chassis.preconditions import digest_of, public_read
from chassis.problems import problems

router = APIRouter(
    route_class=TransactionRoute, prefix="/catalog/base-items", tags=["catalogue: base items"]
)


@router.get("")
async def list_base_items(
    request: Request, response: Response, _actor: Anyone, session: ReadSession, page: PageQuery
) -> Page[BaseItemOut]:
    """The base catalogue by code."""
    window = await queries.base_items_page(session, page)
    answer = page_of(window, [BaseItemOut.model_validate(base) for base in window.rows])
    public_read(request, response, digest_of(answer), max_age(session))
    return answer


@router.get("/{catalog_code}", responses=problems(BaseItemNotFound))
async def read_base_item(
    catalog_code: str, request: Request, response: Response, _actor: Anyone, session: ReadSession
) -> BaseItemOut:
    """One entry of the base catalogue."""
    answer = BaseItemOut.model_validate(await queries.get_base_item(session, catalog_code))
    public_read(request, response, digest_of(answer), max_age(session))
    return answer


@router.post("", status_code=201, responses=problems(CatalogCodeTaken))
async def create_base_item(
    body: BaseItemIn, response: Response, actor: PlatformAdmin, session: WriteSession
) -> BaseItemOut:
    """Add an entry that implementation items must agree with."""
    base = await base_items.create_base_item(
        session,
        actor,
        catalog_code=body.catalog_code,
        name=body.name,
        task_type=body.task_type,
        use_levels=list(body.use_levels),
        legal_basis=[law.model_dump() for law in body.legal_basis],
    )
    response.headers["Content-Location"] = f"/api/v1/catalog/base-items/{base.catalog_code}"
    return BaseItemOut.model_validate(base)
