"""The directory of shared data."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response

from chassis.auth import Actor, requires
from chassis.database.sessions import ReadSession, WriteSession
from chassis.errors import Forbidden, PreconditionMissing, Stale, Unauthenticated
from chassis.http.route import TransactionRoute
from chassis.pagination import Page, PageQuery, page_of
from chassis.preconditions import RequiredMatch, set_tag
from chassis.problems import problems
from exchange_svc.directory import queries, usecases
from exchange_svc.directory.errors import BadCategory, ResourceNotFound, TermsIncomplete
from exchange_svc.directory.schemas import ResourceIn, ResourceOut, ResourcePatch, resource_out

router = APIRouter(
    route_class=TransactionRoute,
    prefix="/api/v1/exchange/resources",
    tags=["directory"],
    responses=problems(Unauthenticated, Forbidden),
)
Government = Annotated[Actor, Depends(requires(kind=("staff", "system")))]
Provider = Annotated[Actor, Depends(requires(kind="staff", roles=("department_admin",)))]


@router.post("", status_code=201, responses=problems(BadCategory, TermsIncomplete))
async def publish_resource(
    body: ResourceIn, response: Response, actor: Provider, session: WriteSession
) -> ResourceOut:
    """Publish a resource of one's own department, with the terms of sharing."""
    resource = await usecases.publish_resource(session, actor, body.model_dump(mode="json"))
    answer = resource_out(resource)
    set_tag(response, resource.version)
    response.headers["Content-Location"] = answer.links["self"]
    return answer


@router.get("")
async def list_resources(
    actor: Government,
    session: ReadSession,
    page: PageQuery,
    provider: Annotated[str | None, Query(max_length=64, description="Department code")] = None,
) -> Page[ResourceOut]:
    """The directory, by code."""
    window = await queries.list_resources(session, actor, page, provider=provider)
    return page_of(window, [resource_out(resource) for resource in window.rows])


@router.get("/{code}", responses=problems(ResourceNotFound))
async def get_resource(
    code: str, response: Response, actor: Government, session: ReadSession
) -> ResourceOut:
    resource = await queries.get_resource(session, actor, code)
    set_tag(response, resource.version)
    return resource_out(resource)


@router.patch(
    "/{code}", responses=problems(ResourceNotFound, TermsIncomplete, Stale, PreconditionMissing)
)
async def change_resource(
    code: str,
    body: ResourcePatch,
    match: RequiredMatch,
    response: Response,
    actor: Provider,
    session: WriteSession,
) -> ResourceOut:
    """Change or revoke a resource of one's own department."""
    changes = body.model_dump(mode="json", exclude_unset=True)
    resource = await usecases.change_resource(session, actor, code, changes, match=match)
    set_tag(response, resource.version)
    return resource_out(resource)
