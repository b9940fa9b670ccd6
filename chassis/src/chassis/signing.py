"""Signatures others can check: ES256 keys per service, public halves published through identity."""

import hashlib
import json
import time
from base64 import urlsafe_b64encode
from functools import lru_cache
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from joserfc.jwk import ECKey
from pydantic import create_model
from pydantic_core import to_json
from sqlalchemy import func, insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.auth import ALGORITHM
from chassis.events import Event, SigningKeyPublished
from chassis.outbox import record
from chassis.settings import Context, context
from chassis.tables import signing_key

_LOCK = 0x516E
_ES256 = ECDSA(SHA256())
HELD_SECONDS = 5
_HELD = "signing key"


@lru_cache
def key_event(service: str) -> type[Event]:
    """The event class `{service}.signing_key.published.v1`."""
    fields: dict[str, Any] = {
        name: (one.annotation, one) for name, one in SigningKeyPublished.model_fields.items()
    }
    model: type[Event] = create_model(
        f"{service.title()}SigningKeyPublished",
        __base__=Event,
        __doc__="The public half of a signing key is in use, or retired.",
        **fields,
    )
    model.type = f"{service}.signing_key.published.v1"
    model.key = "kid"
    return model


async def ensure_key(session: AsyncSession) -> str:
    """The id of the key in use, made and published at the first call."""
    await session.execute(select(func.pg_advisory_xact_lock(_LOCK)))
    row = await _current(session)
    return row.kid if row else await rotate_key(session)


async def rotate_key(session: AsyncSession) -> str:
    """Make a new key current; older ones stay published so that old signatures can be checked."""
    here = context(session)
    key = ECKey.generate_key("P-256")
    public = {name: str(value) for name, value in key.as_dict(private=False).items()}
    thumb = hashlib.sha256(json.dumps(public, sort_keys=True).encode()).hexdigest()[:16]
    kid = f"{here.service}-{thumb}"
    jwk = public | {"kid": kid, "alg": ALGORITHM, "use": "sig"}
    private = json.dumps(key.as_dict(private=True))
    await session.execute(
        insert(signing_key).values(kid=kid, private_key=here.vault.encrypt(private), jwk=jwk)
    )
    session.info["made_key"] = True
    published = {"kid": kid, "jwk": jwk, "retired_at": None}
    await record(session, key_event(here.service).model_validate(published))
    return kid


async def publish_keys(session: AsyncSession) -> None:
    """Tell the public halves once more."""
    event = key_event(context(session).service)
    for row in await session.execute(select(signing_key)):
        published = {"kid": row.kid, "jwk": row.jwk, "retired_at": row.retired_at}
        await record(session, event.model_validate(published))


async def sign(session: AsyncSession, payload: dict[str, Any], *, typ: str) -> str:
    """A compact JWS of the payload under the service's current key."""
    return _signed(*await _held(session), payload, typ)


def sign_held(here: Context, payload: dict[str, Any], *, typ: str) -> str | None:
    """The same without a session, with the key of the last few seconds; None when it is older."""
    until, kid, key = here.memory.get(_HELD, (0.0, "", None))
    return _signed(kid, key, payload, typ) if time.monotonic() < until else None


def _signed(kid: str, key: ECKey, payload: dict[str, Any], typ: str) -> str:
    signed = f"{_header(kid, typ)}.{_base64(to_json(payload))}"
    pair = decode_dss_signature(_private(key).sign(signed.encode(), _ES256))
    # RFC 7518, 3.4: both numbers in 32 bytes each.
    return f"{signed}.{_base64(b''.join(one.to_bytes(32, 'big') for one in pair))}"


def _private(key: ECKey) -> EllipticCurvePrivateKey:
    assert key.private_key is not None
    return key.private_key


@lru_cache
def _header(kid: str, typ: str) -> str:
    header = {"alg": ALGORITHM, "kid": kid, "typ": typ}
    return _base64(json.dumps(header, separators=(",", ":")).encode())


def _base64(content: bytes) -> str:
    """As JSON Web Signatures write it (RFC 7515, 2): for addresses, without padding."""
    return urlsafe_b64encode(content).rstrip(b"=").decode()


async def _held(session: AsyncSession) -> tuple[str, ECKey]:
    """The current key, read again every few seconds: that long another process signs with the old.

    A key this transaction made is not held, it may yet be rolled back.
    """
    here = context(session)
    until, kid, key = here.memory.get(_HELD, (0.0, "", None))
    if time.monotonic() < until and "made_key" not in session.info:
        return kid, key
    row = await _current(session)
    if row is None:
        await ensure_key(session)
        row = await _current(session)
    kid, key = row.kid, ECKey.import_key(json.loads(here.vault.decrypt(row.private_key)))
    if "made_key" not in session.info:
        here.remember(_HELD, (time.monotonic() + HELD_SECONDS, kid, key))
    return kid, key


async def public_keys(session: AsyncSession) -> list[dict[str, Any]]:
    rows = await session.execute(select(signing_key.c.jwk).order_by(signing_key.c.created_at))
    return list(rows.scalars())


async def _current(session: AsyncSession) -> Any:
    statement = (
        select(signing_key.c.kid, signing_key.c.private_key)
        .where(signing_key.c.retired_at.is_(None))
        .order_by(signing_key.c.created_at.desc())
        .limit(1)
    )
    return (await session.execute(statement)).one_or_none()
