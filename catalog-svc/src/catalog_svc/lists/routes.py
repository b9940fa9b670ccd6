"""The public lists of powers, permits and services."""

from fastapi import APIRouter, Request, Response

from catalog_svc.items.schemas.public import ItemOut, item_out
from catalog_svc.lists import queries
from catalog_svc.lists.errors import ListNotFound
from catalog_svc.lists.rules.kinds import KINDS
from catalog_svc.lists.schemas import ListsOut, list_out
from catalog_svc.settings import max_age
from chassis.auth import Anyone
from chassis.database.sessions import ReadSession
from chassis.http.route import TransactionRoute
from chassis.pagination import Page, PageQuery, page_of
from chassis.preconditions import digest_of, public_read
from chassis.problems import problems

router = APIRouter(route_class=TransactionRoute, prefix="/api/v1/lists", tags=["lists"])


@router.get("")
async def list_lists(
    request: Request, response: Response, _actor: Anyone, session: ReadSession
) -> ListsOut:
    """The published lists, each with its legal basis."""
    answer = ListsOut(data=[list_out(kind) for kind in KINDS.values()], next=None)
    public_read(request, response, digest_of(answer), max_age(session), shared=True)
    return answer


@router.get("/{kind}", responses=problems(ListNotFound))
async def read_list(
    kind: str,
    request: Request,
    response: Response,
    _actor: Anyone,
    session: ReadSession,
    page: PageQuery,
) -> Page[ItemOut]:
    """The items on a list, cancelled items left out."""
    window = await queries.entries(session, kind, page)
    answer = page_of(window, [item_out(named) for named in window.rows])
    public_read(request, response, digest_of(answer), max_age(session), shared=True)
    return answer
