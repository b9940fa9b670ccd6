"""Clients: who they are when they knock, and how departments get one."""

import base64
import binascii
import hmac
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast
from urllib.parse import unquote_plus
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from chassis import clock
from chassis.errors import FieldError, Invalid
from chassis.settings import Context, context
from identity_svc.login import queries
from identity_svc.login.errors import (
    ClientClosed,
    InvalidClient,
    InvalidRequest,
    UnauthorizedClient,
)
from identity_svc.login.models import Client, digest_of
from identity_svc.login.redirects import LOOPBACKS
from identity_svc.login.scopes import WEB
from identity_svc.orgs import queries as orgs
from identity_svc.orgs.errors import DepartmentNotFound

WEB_CLIENT = "onenet-web"
HELD_SECONDS = 5.0
_DEPARTMENT = FieldError(
    "/department_code", "unknown_department", "没有这个部门", "No such department"
)


async def authenticate(
    session: AsyncSession, form: Mapping[str, str], authorization: str | None
) -> Client:
    """A public client by its name, any other by its secret, in the header or in the form."""
    client_id, secret = _presented(form, authorization)
    client = await queries.active_client(session, client_id)
    if client is None:
        raise InvalidClient("unknown client")
    _ensure_secret(client.secret_digest, secret)
    return client


@dataclass(frozen=True)
class System:
    """A department's system, as the tables knew it when it was read; good for a few seconds."""

    id: UUID
    client_id: str
    name: str
    scopes: list[str]
    secret_digest: bytes
    department: str
    region: str


async def authenticate_system(
    session: AsyncSession, form: Mapping[str, str], authorization: str | None
) -> System:
    """A client that has a department; asks the database once in a few seconds for each client.

    Systems fetch tokens all day long, and a closed one could use its last token for minutes anyway.
    """
    client_id, secret = _presented(form, authorization)
    system = await _system(session, client_id)
    if system is None:
        client = await authenticate(session, form, authorization)
        if client.is_public or client.department_code is None:
            raise UnauthorizedClient("client_credentials is for systems of departments")
        raise UnauthorizedClient("the department of this client is closed")
    _ensure_secret(system.secret_digest, secret)
    return system


def remembered_system(
    here: Context, form: Mapping[str, str], authorization: str | None
) -> System | None:
    """The system that knocks, if it was read within the last seconds and its secret is right."""
    client_id, secret = _presented(form, authorization)
    system = _remembered(here, client_id)
    if system is None or not hmac.compare_digest(system.secret_digest, digest_of(secret or "")):
        return None
    return system


def _remembered(here: Context, client_id: str) -> System | None:
    until, system = here.memory.get(("system", client_id), (0.0, None))
    return cast(System, system) if time.monotonic() < until else None


async def _system(session: AsyncSession, client_id: str) -> System | None:
    here = context(session)
    system = _remembered(here, client_id)
    if system is not None:
        return system
    found = await queries.active_system(session, client_id)
    if found is None:
        return None
    client, department = found
    assert client.secret_digest is not None
    system = System(
        id=client.id,
        client_id=client.client_id,
        name=client.name,
        scopes=client.scopes,
        secret_digest=client.secret_digest,
        department=department.code,
        region=department.region_code,
    )
    here.remember(("system", client_id), (time.monotonic() + HELD_SECONDS, system))
    return system


def _presented(form: Mapping[str, str], authorization: str | None) -> tuple[str, str | None]:
    """Name and secret, from the header or from the form."""
    client_id, secret = form.get("client_id", ""), form.get("client_secret")
    if authorization is not None and authorization[:6].lower() == "basic ":
        if secret is not None:
            raise InvalidRequest("authenticate in one way, not in two")
        return _basic(authorization[6:])
    return client_id, secret


def _ensure_secret(digest: bytes | None, secret: str | None) -> None:
    if digest is None:
        if secret is not None:
            raise InvalidClient("this client has no secret")
    elif not hmac.compare_digest(digest, digest_of(secret or "")):
        raise InvalidClient("wrong client secret")


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
    """No new tokens within seconds; those given out run out within minutes."""
    client = await queries.client_for_update(session, client_id)
    if not client.active:
        raise ClientClosed
    client.active = False
    context(session).memory.pop(("system", client_id), None)
    return client
