"""Keys of other services, and the forgetting of what has run out."""

from datetime import datetime, timedelta

from sqlalchemy import delete
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from chassis import clock
from chassis.db import context
from chassis.signing import public_keys
from identity_svc.login.errors import ForeignKid
from identity_svc.login.models import (
    AuthorizationCode,
    PublishedKey,
    RefreshToken,
    SignIn,
    SignInAttempt,
)
from identity_svc.settings import rules

PUBLIC_MEMBERS = ("kty", "crv", "x", "y", "kid", "alg", "use")


async def accept_own_keys(session: AsyncSession) -> None:
    """At start-up: know the token keys without asking at their public address.

    Behind a balancer that address leads to pods that are ready, and the first pod would wait for
    itself.
    """
    keys = context(session).keys
    if not keys.keys:
        keys.accept({"keys": await public_keys(session)})


async def keep_key(
    session: AsyncSession,
    *,
    producer: str,
    kid: str,
    jwk: dict[str, str],
    retired_at: datetime | None,
) -> None:
    """Publish another service's key; a kid under a foreign name could pass for our token key."""
    if not kid.startswith(f"{producer}-") or jwk.get("kid", kid) != kid:
        raise ForeignKid(f"{producer} published the key {kid}")
    public = {name: jwk[name] for name in PUBLIC_MEMBERS if name in jwk} | {"kid": kid}
    values = {"producer": producer, "jwk": public, "retired_at": retired_at}
    statement = insert(PublishedKey).values(kid=kid, received_at=clock.now(), **values)
    await session.execute(statement.on_conflict_do_update(index_elements=["kid"], set_=values))


async def forget_old(session: AsyncSession) -> None:
    """A loop's turn: codes and tokens that ran out, tries and sign-ins past their keeping."""
    at = clock.now()
    keep = timedelta(days=rules(session).sign_in_log_days)
    longest = timedelta(days=rules(session).sign_in_days) + keep
    # A used code or token stays a day longer than it could be used: a replay must be recognised.
    run_out = at - timedelta(days=1)
    for statement in (
        delete(AuthorizationCode).where(AuthorizationCode.expires_at < run_out),
        delete(RefreshToken).where(RefreshToken.expires_at < run_out),
        delete(SignInAttempt).where(SignInAttempt.tried_at < at - keep),
        delete(SignIn).where(SignIn.signed_in_at < at - longest),
    ):
        await session.execute(statement)
