"""Every SELECT of the OpenID provider."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import and_, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.pagination import PageRequest, Window, paginate
from chassis.signing import public_keys
from identity_svc.login.errors import ClientNotFound
from identity_svc.login.models import (
    AuthorizationCode,
    Client,
    PublishedKey,
    RefreshToken,
    SignIn,
    SignInAttempt,
    digest_of,
)
from identity_svc.login.rules.throttle import Attempt
from identity_svc.orgs.models import Department


async def active_client(session: AsyncSession, client_id: str) -> Client | None:
    return await session.scalar(select(Client).where(Client.client_id == client_id, Client.active))


async def active_client_with_department(
    session: AsyncSession, client_id: str
) -> tuple[Client, Department | None] | None:
    statement = (
        select(Client, Department)
        .outerjoin(Department, Department.code == Client.department_code)
        .where(Client.client_id == client_id, Client.active)
    )
    row = (await session.execute(statement)).one_or_none()
    return None if row is None else (row[0], row[1])


async def client(session: AsyncSession, client_id: str, *, for_update: bool = False) -> Client:
    statement = select(Client).where(Client.client_id == client_id)
    client = await session.scalar(statement.with_for_update() if for_update else statement)
    if client is None:
        raise ClientNotFound
    return client


async def list_clients(session: AsyncSession, page: PageRequest) -> Window:
    return await paginate(session, select(Client), [(Client.id, "asc")], page)


async def code(session: AsyncSession, secret: str) -> AuthorizationCode | None:
    """Locks the row: two requests may post the same code."""
    return await session.get(AuthorizationCode, digest_of(secret), with_for_update=True)


async def refresh_token(
    session: AsyncSession, secret: str, *, for_update: bool = False
) -> RefreshToken | None:
    return await session.get(RefreshToken, digest_of(secret), with_for_update=for_update)


async def sign_in(session: AsyncSession, sign_in_id: UUID) -> SignIn | None:
    return await session.get(SignIn, sign_in_id)


async def sign_in_for_update(session: AsyncSession, sign_in_id: UUID) -> SignIn | None:
    return await session.get(SignIn, sign_in_id, with_for_update=True)


async def recent_attempts(
    session: AsyncSession, name_digest: bytes, address: str, *, since: datetime
) -> list[Attempt]:
    """Attempts with this name or from this address; successes only where both are the same."""
    same_name = SignInAttempt.name_digest == name_digest
    same_address = SignInAttempt.address == address
    statement = select(
        same_name, same_address, SignInAttempt.succeeded, SignInAttempt.tried_at
    ).where(
        or_(same_name, same_address),
        or_(SignInAttempt.succeeded.is_not(True), and_(same_name, same_address)),
        SignInAttempt.tried_at > since,
    )
    return [Attempt(*row) for row in await session.execute(statement)]


async def all_keys(session: AsyncSession) -> list[dict[str, Any]]:
    """Our token keys, then those of other services; retired keys stay for old signatures."""
    others = await session.scalars(select(PublishedKey.jwk).order_by(PublishedKey.received_at))
    return [*await public_keys(session), *others]
