"""Signatures others can check: ES256 keys per service, public halves published through identity."""

import hashlib
import json
import time
from datetime import datetime
from functools import lru_cache
from typing import Any, ClassVar

from joserfc import jws
from joserfc.jwk import ECKey
from pydantic import create_model
from pydantic_core import to_json
from sqlalchemy import func, insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.auth import ALGORITHM
from chassis.database.sessions import WriteSession, process_of
from chassis.database.tables import signing_key
from chassis.events import Event
from chassis.outbox import record

_LOCK = 0x516E
# So long another process goes on signing with the key before, which stays published.
CACHE_SECONDS = 5
_CACHED = "signing key"


class SigningKeyPublished(Event):
    """The public half of a signing key is in use, or retired; identity serves it."""

    type: ClassVar[str] = ""
    key: ClassVar[str] = "kid"
    kid: str
    jwk: dict[str, str]
    retired_at: datetime | None = None


@lru_cache
def key_event(service: str) -> type[SigningKeyPublished]:
    """The event class `{service}.signing_key.published.v1`."""
    event: type[SigningKeyPublished] = create_model(
        f"{service.title()}SigningKeyPublished",
        __base__=SigningKeyPublished,
        __doc__=SigningKeyPublished.__doc__,
    )
    event.type = f"{service}.signing_key.published.v1"
    return event


async def ensure_key(session: WriteSession) -> str:
    """The id of the key in use, made and published at the first start of a service."""
    await session.execute(select(func.pg_advisory_xact_lock(_LOCK)))
    row = await _current(session)
    return row.kid if row else await rotate_key(session)


async def rotate_key(session: WriteSession) -> str:
    """Make a new key current; older ones stay published so that old signatures can be checked."""
    process = process_of(session)
    key = ECKey.generate_key("P-256")
    public = {name: str(value) for name, value in key.as_dict(private=False).items()}
    thumb = hashlib.sha256(json.dumps(public, sort_keys=True).encode()).hexdigest()[:16]
    kid = f"{process.service}-{thumb}"
    jwk = public | {"kid": kid, "alg": ALGORITHM, "use": "sig"}
    private = json.dumps(key.as_dict(private=True))
    await session.execute(
        insert(signing_key).values(kid=kid, private_key=process.vault.encrypt(private), jwk=jwk)
    )
    await record(session, key_event(process.service)(kid=kid, jwk=jwk))
    return kid


async def publish_keys(session: WriteSession) -> None:
    """Publish the public halves once more."""
    event = key_event(process_of(session).service)
    for row in await session.execute(select(signing_key)):
        await record(session, event(kid=row.kid, jwk=row.jwk, retired_at=row.retired_at))


async def sign(session: AsyncSession, payload: dict[str, Any], *, typ: str) -> str:
    """A compact JWS of the payload under the service's current key."""
    kid, key = await _signing_key(session)
    header = {"alg": ALGORITHM, "kid": kid, "typ": typ}
    return jws.serialize_compact(header, to_json(payload), key, algorithms=[ALGORITHM])


async def public_keys(session: AsyncSession) -> list[dict[str, Any]]:
    rows = await session.execute(select(signing_key.c.jwk).order_by(signing_key.c.created_at))
    return list(rows.scalars())


async def _signing_key(session: AsyncSession) -> tuple[str, ECKey]:
    process = process_of(session)
    expires, kid, key = process.cache.get(_CACHED, (0.0, "", None))
    if time.monotonic() < expires:
        return kid, key
    row = await _current(session)
    if row is None:
        raise LookupError(f"{process.service} has no signing key; `ensure_key` makes it at start")
    key = ECKey.import_key(json.loads(process.vault.decrypt(row.private_key)))
    process.remember(_CACHED, (time.monotonic() + CACHE_SECONDS, row.kid, key))
    return row.kid, key


async def _current(session: AsyncSession) -> Any:
    statement = (
        select(signing_key.c.kid, signing_key.c.private_key)
        .where(signing_key.c.retired_at.is_(None))
        .order_by(signing_key.c.created_at.desc())
        .limit(1)
    )
    return (await session.execute(statement)).one_or_none()
