"""Clients: who they are when they knock, and how departments get one."""

import base64
import binascii
import hmac
import secrets
from collections.abc import Mapping
from urllib.parse import unquote_plus

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from chassis import clock
from chassis.errors import FieldError, Invalid
from identity_svc.login import queries
from identity_svc.login.errors import ClientClosed, InvalidClient, InvalidRequest
from identity_svc.login.models import Client, digest_of
from identity_svc.login.redirects import LOOPBACKS
from identity_svc.login.scopes import WEB
from identity_svc.orgs import queries as orgs
from identity_svc.orgs.errors import DepartmentNotFound

WEB_CLIENT = "onenet-web"
_DEPARTMENT = FieldError(
    "/department_code", "unknown_department", "没有这个部门", "No such department"
)


async def authenticate(
    session: AsyncSession, form: Mapping[str, str], authorization: str | None
) -> Client:
    """A public client by its name, any other by its secret, in the header or in the form."""
    client_id, secret = form.get("client_id", ""), form.get("client_secret")
    if authorization is not None and authorization[:6].lower() == "basic ":
        if secret is not None:
            raise InvalidRequest("authenticate in one way, not in two")
        client_id, secret = _basic(authorization[6:])
    client = await queries.active_client(session, client_id)
    if client is None:
        raise InvalidClient("unknown client")
    if client.secret_digest is None:
        if secret is not None:
            raise InvalidClient("this client has no secret")
        return client
    if not hmac.compare_digest(client.secret_digest, digest_of(secret or "")):
        raise InvalidClient("wrong client secret")
    return client


def _basic(encoded: str) -> tuple[str, str]:
    try:
        name, _, secret = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError) as error:
        raise InvalidClient("unreadable Authorization header") from error
    return unquote_plus(name), unquote_plus(secret)


async def ensure_web_client(session: AsyncSession) -> None:
    """At start-up: the public client of every front end, on any port of the user's own machine."""
    statement = insert(Client).values(
        id=clock.new_id(),
        client_id=WEB_CLIENT,
        name="一网通办",
        secret_digest=None,
        redirect_uris=list(LOOPBACKS),
        scopes=list(WEB),
        active=True,
        created_at=clock.now(),
    )
    await session.execute(statement.on_conflict_do_nothing(index_elements=["client_id"]))


async def register_client(
    session: AsyncSession, *, name: str, department_code: str, scopes: list[str]
) -> tuple[Client, str]:
    """A system of a department, with the secret that is shown this once."""
    try:
        await orgs.department(session, department_code)
    except DepartmentNotFound:
        raise Invalid([_DEPARTMENT]) from None
    secret = secrets.token_urlsafe(32)
    client_id = clock.new_id()
    client = Client(
        id=client_id,
        client_id=f"system-{client_id}",
        name=name,
        secret_digest=digest_of(secret),
        redirect_uris=[],
        scopes=list(dict.fromkeys(scopes)),
        department_code=department_code,
        active=True,
        created_at=clock.now(),
    )
    session.add(client)
    await session.flush()
    return client, secret


async def close_client(session: AsyncSession, client_id: str) -> Client:
    """No new tokens from now on; those given out run out within minutes."""
    client = await queries.client_for_update(session, client_id)
    if not client.active:
        raise ClientClosed
    client.active = False
    return client
