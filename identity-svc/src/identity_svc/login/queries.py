"""Every SELECT of the OpenID provider."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
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
from identity_svc.orgs.models import Department


async def active_client(session: AsyncSession, client_id: str) -> Client | None:
    return await session.scalar(select(Client).where(Client.client_id == client_id, Client.active))


async def active_system(session: AsyncSession, client_id: str) -> tuple[Client, Department] | None:
    """A client with a secret, and its department if that is open."""
    statement = (
        select(Client, Department)
        .join(Department, Department.code == Client.department_code)
        .where(
            Client.client_id == client_id,
            Client.active,
            Client.secret_digest.is_not(None),
            Department.active,
        )
    )
    found = (await session.execute(statement)).one_or_none()
    return None if found is None else (found[0], found[1])


async def client_for_update(session: AsyncSession, client_id: str) -> Client:
    found = await session.scalar(
        select(Client).where(Client.client_id == client_id).with_for_update()
    )
    if found is None:
        raise ClientNotFound
    return found


async def list_clients(session: AsyncSession, page: PageRequest) -> Window:
    return await paginate(session, select(Client), [(Client.id, "asc")], page)


async def code(session: AsyncSession, secret: str) -> AuthorizationCode | None:
    """Locked: the same code may be posted twice at once."""
    return await session.get(AuthorizationCode, digest_of(secret), with_for_update=True)


async def refresh_token(session: AsyncSession, secret: str) -> RefreshToken | None:
    """Locked: the same token may be posted twice at once."""
    return await session.get(RefreshToken, digest_of(secret), with_for_update=True)


async def find_refresh_token(session: AsyncSession, secret: str) -> RefreshToken | None:
    return await session.get(RefreshToken, digest_of(secret))


async def sign_in(session: AsyncSession, sign_in_id: UUID) -> SignIn | None:
    return await session.get(SignIn, sign_in_id)


async def sign_in_for_update(session: AsyncSession, sign_in_id: UUID) -> SignIn | None:
    return await session.get(SignIn, sign_in_id, with_for_update=True)


async def failures_of_name(
    session: AsyncSession, name_digest: bytes, address: str, *, since: datetime
) -> Sequence[datetime]:
    """Since the last success from there, which shows that the owner is at the keyboard."""
    same = (SignInAttempt.name_digest == name_digest, SignInAttempt.address == address)
    success = select(func.max(SignInAttempt.tried_at)).where(*same, SignInAttempt.succeeded)
    last = await session.scalar(success)
    statement = select(SignInAttempt.tried_at).where(
        *same, ~SignInAttempt.succeeded, SignInAttempt.tried_at > max(since, last or since)
    )
    return list(await session.scalars(statement))


async def failures_of_name_anywhere(
    session: AsyncSession, name_digest: bytes, *, since: datetime
) -> Sequence[datetime]:
    """Guesses spread over many addresses; a success elsewhere does not forgive them."""
    statement = select(SignInAttempt.tried_at).where(
        SignInAttempt.name_digest == name_digest,
        ~SignInAttempt.succeeded,
        SignInAttempt.tried_at > since,
    )
    return list(await session.scalars(statement))


async def failures_of_address(
    session: AsyncSession, address: str, *, since: datetime
) -> Sequence[datetime]:
    statement = select(SignInAttempt.tried_at).where(
        SignInAttempt.address == address, ~SignInAttempt.succeeded, SignInAttempt.tried_at > since
    )
    return list(await session.scalars(statement))


async def all_keys(session: AsyncSession) -> list[dict[str, Any]]:
    """Our token keys, then those of the other services; retired ones stay for old signatures."""
    others = await session.scalars(select(PublishedKey.jwk).order_by(PublishedKey.received_at))
    return [*await public_keys(session), *others]
