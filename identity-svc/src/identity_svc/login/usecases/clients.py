"""Clients: how they authenticate, and how departments register one."""

import base64
import binascii
import hmac
import secrets
from collections.abc import Mapping
from urllib.parse import unquote_plus

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from chassis import clock
from chassis.database.sessions import WriteSession
from chassis.errors import FieldError, Invalid
from identity_svc.login import queries
from identity_svc.login.errors import (
    ClientClosed,
    InvalidClient,
    InvalidRequest,
    UnauthorizedClient,
)
from identity_svc.login.models import Client, digest_of
from identity_svc.login.rules.redirects import LOOPBACKS
from identity_svc.login.rules.scopes import WEB
from identity_svc.orgs import queries as orgs
from identity_svc.orgs.errors import DepartmentNotFound
from identity_svc.orgs.models import Department

WEB_CLIENT = "onenet-web"
_DEPARTMENT = FieldError(
    "/department_code", "unknown_department", "没有这个部门", "No such department"
)


async def authenticate(
    session: AsyncSession, form: Mapping[str, str], authorization: str | None
) -> Client:
    """A public client by its id, any other by its secret, in the header or in the form."""
    client_id, secret = _credentials(form, authorization)
    client = await queries.active_client(session, client_id)
    if client is None:
        raise InvalidClient("unknown client")
    _ensure_secret(client, secret)
    return client


async def authenticate_system(
    session: WriteSession, form: Mapping[str, str], authorization: str | None
) -> tuple[Client, Department]:
    """A department's system by its secret, and the department, which must be open."""
    client_id, secret = _credentials(form, authorization)
    row = await queries.active_client_with_department(session, client_id)
    if row is None:
        raise InvalidClient("unknown client")
    client, department = row
    _ensure_secret(client, secret)
    if client.is_public or department is None:
        raise UnauthorizedClient("client_credentials is for systems of departments")
    if not department.active:
        raise UnauthorizedClient("the department of this client is closed")
    return client, department


def _credentials(form: Mapping[str, str], authorization: str | None) -> tuple[str, str | None]:
    """Client id and secret, from the header or from the form (RFC 6749, 2.3.1)."""
    client_id, secret = form.get("client_id", ""), form.get("client_secret")
    if authorization is None or authorization[:6].lower() != "basic ":
        return client_id, secret
    if secret is not None:
        raise InvalidRequest("authenticate either in the header or in the form")
    try:
        header = base64.b64decode(authorization[6:], validate=True).decode()
    except (binascii.Error, UnicodeDecodeError) as error:
        raise InvalidClient("unreadable Authorization header") from error
    client_id, _, secret = header.partition(":")
    return unquote_plus(client_id), unquote_plus(secret)


def _ensure_secret(client: Client, secret: str | None) -> None:
    if client.secret_digest is None:
        if secret is not None:
            raise InvalidClient("this client has no secret")
    elif not hmac.compare_digest(client.secret_digest, digest_of(secret or "")):
        raise InvalidClient("wrong client secret")


async def ensure_web_client(session: WriteSession) -> None:
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
    session: WriteSession, *, name: str, department_code: str, scopes: list[str]
) -> tuple[Client, str]:
    """Register a system of a department; the second part is its secret, which is not stored."""
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


async def close_client(session: WriteSession, client_id: str) -> Client:
    """No new tokens from now on; those issued expire within minutes."""
    client = await queries.client(session, client_id, for_update=True)
    if not client.active:
        raise ClientClosed
    client.active = False
    return client
