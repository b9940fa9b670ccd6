"""/api/v1/identity/clients: systems of departments that call the platform."""

from fastapi import APIRouter, Response

from chassis.auth import PlatformAdmin
from chassis.database.sessions import ReadSession, WriteSession
from chassis.errors import Forbidden, Invalid, Unauthenticated
from chassis.http.route import TransactionRoute
from chassis.pagination import Page, PageQuery, page_of
from chassis.problems import problems
from identity_svc.login import queries
from identity_svc.login.errors import ClientClosed, ClientNotFound
from identity_svc.login.schemas import ClientIn, ClientOut, ClientWithSecretOut
from identity_svc.login.usecases import clients

router = APIRouter(
    route_class=TransactionRoute, prefix="/api/v1/identity/clients", tags=["clients"]
)


@router.post("", status_code=201, responses=problems(Unauthenticated, Forbidden, Invalid))
async def register_client(
    body: ClientIn, actor: PlatformAdmin, session: WriteSession
) -> ClientWithSecretOut:
    """Register a department's system; its secret is shown only in this answer.

    A repeat with the same Idempotency-Key shows the secret again, so there is no Content-Location.
    """
    client, secret = await clients.register_client(session, **body.model_dump())
    return ClientWithSecretOut.with_secret(client, secret)


@router.get("", responses=problems(Unauthenticated, Forbidden))
async def list_clients(
    actor: PlatformAdmin, session: ReadSession, page: PageQuery
) -> Page[ClientOut]:
    """Every client, without secrets."""
    window = await queries.list_clients(session, page)
    return page_of(window, [ClientOut.of(client) for client in window.rows])


@router.get("/{client_id}", responses=problems(Unauthenticated, Forbidden, ClientNotFound))
async def read_client(client_id: str, actor: PlatformAdmin, session: ReadSession) -> ClientOut:
    """One client, without its secret."""
    return ClientOut.of(await queries.client(session, client_id))


@router.post(
    "/{client_id}/closure",
    responses=problems(Unauthenticated, Forbidden, ClientNotFound, ClientClosed),
)
async def close_client(
    client_id: str, response: Response, actor: PlatformAdmin, session: WriteSession
) -> ClientOut:
    """Close a client: it gets no new tokens."""
    client = await clients.close_client(session, client_id)
    response.headers["Content-Location"] = f"/api/v1/identity/clients/{client.client_id}"
    return ClientOut.of(client)
