"""From an authorization request to a code: check the request, check the password."""

import base64
import json
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import timedelta
from uuid import UUID

from cryptography.exceptions import InvalidTag
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis import clock
from chassis.db import context
from chassis.vault import UnknownKey
from identity_svc.login import queries
from identity_svc.login.errors import (
    InvalidRequest,
    LoginRequired,
    RequestNotSupported,
    UnsupportedResponseType,
)
from identity_svc.login.models import AuthorizationCode, Client, SignIn, SignInAttempt, digest_of
from identity_svc.login.pkce import is_challenge
from identity_svc.login.redirects import is_allowed, with_parameters
from identity_svc.login.scopes import granted
from identity_svc.login.throttle import pause
from identity_svc.orgs import queries as orgs
from identity_svc.orgs.passwords import is_password
from identity_svc.settings import rules

REQUEST_URI = "urn:ietf:params:oauth:request_uri:"
LONGEST_VALUE = 1000


@dataclass(frozen=True)
class AuthorizationRequest:
    """A request that was found good; it travels sealed in the sign-in page, not in a table."""

    client_id: str
    redirect_uri: str
    scope: str
    state: str | None
    nonce: str | None
    challenge: str


@dataclass(frozen=True)
class Pause:
    """Too many failures; try again after so many seconds."""

    seconds: int


async def client_of(session: AsyncSession, parameters: Mapping[str, str]) -> Client:
    """The client, once its redirect address is good; until then nothing may be sent there."""
    client = await queries.active_client(session, parameters.get("client_id", ""))
    if client is None:
        raise InvalidRequest("unknown client_id")
    if not is_allowed(parameters.get("redirect_uri", ""), client.redirect_uris):
        raise InvalidRequest("redirect_uri is missing or not registered for this client")
    return client


def check_request(client: Client, parameters: Mapping[str, str]) -> AuthorizationRequest:
    """The rest of the request; what is wrong here is told to the client by redirect."""
    if any(len(value) > LONGEST_VALUE for value in parameters.values()):
        raise InvalidRequest("a parameter is too long")
    if "request" in parameters:
        raise RequestNotSupported("request objects are not supported, use /oauth2/par")
    if parameters.get("response_type") != "code":
        raise UnsupportedResponseType("response_type must be code")
    if parameters.get("response_mode", "query") != "query":
        raise InvalidRequest("response_mode must be query")
    if parameters.get("code_challenge_method") != "S256":
        raise InvalidRequest("PKCE is required: code_challenge_method must be S256")
    if not is_challenge(parameters.get("code_challenge", "")):
        raise InvalidRequest("code_challenge must be a base64url SHA-256 of 43 characters")
    if "none" in parameters.get("prompt", "").split():
        raise LoginRequired("nobody is signed in here without asking")
    return AuthorizationRequest(
        client_id=client.client_id,
        redirect_uri=parameters["redirect_uri"],
        scope=granted(parameters.get("scope"), client.scopes),
        state=parameters.get("state"),
        nonce=parameters.get("nonce"),
        challenge=parameters["code_challenge"],
    )


def seal_request(session: AsyncSession, request: AuthorizationRequest, *, seconds: int) -> str:
    """The request as a text only this service can make or read, good for so many seconds."""
    ends = (clock.now() + timedelta(seconds=seconds)).timestamp()
    text = json.dumps({"purpose": "authorization", "ends": ends, "request": asdict(request)})
    return base64.urlsafe_b64encode(context(session).vault.encrypt(text)).decode().rstrip("=")


def open_request(session: AsyncSession, sealed: str) -> AuthorizationRequest:
    try:
        box = base64.urlsafe_b64decode(sealed + "=" * (-len(sealed) % 4))
        content = json.loads(context(session).vault.decrypt(box))
        good = content["purpose"] == "authorization"
        ends, request = float(content["ends"]), AuthorizationRequest(**content["request"])
    except (InvalidTag, UnknownKey, LookupError, ValueError, TypeError) as error:
        raise InvalidRequest("this sign-in was not begun here") from error
    if not good or ends < clock.now().timestamp():
        raise InvalidRequest("this sign-in has run out, begin again")
    return request


async def sign_in(
    session: AsyncSession,
    request: AuthorizationRequest,
    *,
    username: str,
    password: str,
    address: str,
) -> str | Pause | None:
    """The redirect with a code; None for a wrong name or password, which leaves its row."""
    name_digest = orgs.name_digest(session, username)
    # Guesses at one name from one address wait for each other, or parallel ones would not count.
    key = int.from_bytes(digest_of(f"{name_digest.hex()} {address}")[:8], signed=True)
    await session.execute(select(func.pg_advisory_xact_lock(key)))
    seconds = await _pause(session, name_digest, address)
    if seconds:
        return Pause(seconds)
    account_id = await _account_of(session, username, password)
    session.add(
        SignInAttempt(
            name_digest=name_digest,
            address=address,
            account_id=account_id,
            succeeded=account_id is not None,
            tried_at=clock.now(),
        )
    )
    return None if account_id is None else await _answer(session, request, account_id)


async def _pause(session: AsyncSession, name_digest: bytes, address: str) -> int:
    limits, at = rules(session), clock.now()
    window = timedelta(seconds=limits.failure_window_seconds)
    by_name = await queries.failures_of_name(session, name_digest, address, since=at - window)
    anywhere = await queries.failures_of_name_anywhere(session, name_digest, since=at - window)
    by_address = await queries.failures_of_address(session, address, since=at - window)
    return max(
        pause(by_name, allowed=limits.failures_per_name, window=window, at=at),
        pause(anywhere, allowed=limits.failures_per_name_anywhere, window=window, at=at),
        pause(by_address, allowed=limits.failures_per_address, window=window, at=at),
    )


async def _account_of(session: AsyncSession, username: str, password: str) -> UUID | None:
    accounts = await orgs.accounts_named(session, username)
    for account in accounts:
        if await is_password(password, account.password_hash):
            return account.id
    if not accounts:
        await is_password(password, None)
    return None


async def _answer(session: AsyncSession, request: AuthorizationRequest, account_id: UUID) -> str:
    signed_in = SignIn(
        account_id=account_id,
        client_id=request.client_id,
        scope=request.scope,
        nonce=request.nonce,
        signed_in_at=clock.now(),
    )
    session.add(signed_in)
    await session.flush()
    code = secrets.token_urlsafe(32)
    session.add(
        AuthorizationCode(
            digest=digest_of(code),
            sign_in_id=signed_in.id,
            redirect_uri=request.redirect_uri,
            challenge=request.challenge,
            expires_at=clock.now() + timedelta(seconds=rules(session).code_seconds),
        )
    )
    issuer = rules(session).issuer
    return with_parameters(
        request.redirect_uri, {"code": code, "state": request.state, "iss": issuer}
    )
