"""Keys of other services, and the deletion of what has expired."""

from datetime import datetime, timedelta

from sqlalchemy import delete
from sqlalchemy.dialects.postgresql import insert

from chassis import clock
from chassis.database.sessions import WriteSession, process_of
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


async def accept_own_keys(session: WriteSession) -> None:
    """At start-up: take the token keys from the database instead of the public address.

    Behind a load balancer that address leads to pods that are ready, so the first pod would wait
    for itself.
    """
    keys = process_of(session).keys
    if not keys.keys:
        keys.accept({"keys": await public_keys(session)})


async def store_key(
    session: WriteSession,
    *,
    producer: str,
    kid: str,
    jwk: dict[str, str],
    retired_at: datetime | None,
) -> None:
    """Publish another service's key, if its id is that service's: another could sign tokens."""
    if not kid.startswith(f"{producer}-") or jwk.get("kid", kid) != kid:
        raise ForeignKid(f"{producer} published the key {kid}")
    public = {name: jwk[name] for name in PUBLIC_MEMBERS if name in jwk} | {"kid": kid}
    values = {"producer": producer, "jwk": public, "retired_at": retired_at}
    statement = insert(PublishedKey).values(kid=kid, received_at=clock.now(), **values)
    await session.execute(statement.on_conflict_do_update(index_elements=["kid"], set_=values))


async def delete_old(session: WriteSession) -> None:
    """One turn of a loop: delete expired codes and tokens, and old attempts and sign-ins."""
    at = clock.now()
    retention = timedelta(days=rules(session).sign_in_log_days)
    longest = timedelta(days=rules(session).sign_in_days) + retention
    # Used codes and tokens stay a day beyond their expiry, so that a replay is recognised.
    expired = at - timedelta(days=1)
    for statement in (
        delete(AuthorizationCode).where(AuthorizationCode.expires_at < expired),
        delete(RefreshToken).where(RefreshToken.expires_at < expired),
        delete(SignInAttempt).where(SignInAttempt.tried_at < at - retention),
        delete(SignIn).where(SignIn.signed_in_at < at - longest),
    ):
        await session.execute(statement)
