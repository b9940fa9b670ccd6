"""From an authorization request to a code: check the request, verify the password.

A sign-in takes two transactions, because verifying a password takes longer than a transaction may:
`begin_sign_in` records the attempt, `account_with_password` works without the database, and
`finish_sign_in` records the outcome. An attempt whose process dies in between counts as a failure.
"""

import base64
import json
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import timedelta
from uuid import UUID

from cryptography.exceptions import InvalidTag
from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from chassis import clock
from chassis.database.sessions import WriteSession
from chassis.vault import UnknownKey, Vault
from identity_svc.login import queries
from identity_svc.login.errors import (
    InvalidRequest,
    LoginRequired,
    RequestNotSupported,
    UnsupportedResponseType,
)
from identity_svc.login.models import AuthorizationCode, Client, SignIn, SignInAttempt, digest_of
from identity_svc.login.rules.pkce import is_challenge
from identity_svc.login.rules.redirects import is_allowed, with_parameters
from identity_svc.login.rules.scopes import granted_scope
from identity_svc.login.rules.throttle import Limits, pause
from identity_svc.orgs import queries as orgs
from identity_svc.orgs.usecases.accounts import is_password
from identity_svc.settings import rules

REQUEST_URI = "urn:ietf:params:oauth:request_uri:"
LONGEST_VALUE = 1000


@dataclass(frozen=True)
class AuthorizationRequest:
    """A valid request; it is stored nowhere but travels encrypted in the sign-in page."""

    client_id: str
    redirect_uri: str
    scope: str
    state: str | None
    nonce: str | None
    challenge: str


@dataclass(frozen=True)
class Pause:
    """Too many failures; the next attempt is possible after so many seconds."""

    seconds: int


@dataclass(frozen=True)
class OpenAttempt:
    """A recorded attempt whose password is not verified yet."""

    id: UUID
    password_hashes: Mapping[UUID, str]  # by account; a name may open two accounts


async def client_of(session: AsyncSession, parameters: Mapping[str, str]) -> Client:
    """The client, if its redirect address is registered; no error may be sent there before."""
    client = await queries.active_client(session, parameters.get("client_id", ""))
    if client is None:
        raise InvalidRequest("unknown client_id")
    if not is_allowed(parameters.get("redirect_uri", ""), client.redirect_uris):
        raise InvalidRequest("redirect_uri is missing or not registered for this client")
    return client


def check_request(client: Client, parameters: Mapping[str, str]) -> AuthorizationRequest:
    """Check the other parameters; these errors are sent to the client by redirect."""
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
        raise LoginRequired("there is no session, the user must sign in")
    return AuthorizationRequest(
        client_id=client.client_id,
        redirect_uri=parameters["redirect_uri"],
        scope=granted_scope(parameters.get("scope"), client.scopes),
        state=parameters.get("state"),
        nonce=parameters.get("nonce"),
        challenge=parameters["code_challenge"],
    )


def seal_request(vault: Vault, request: AuthorizationRequest, *, seconds: int) -> str:
    """The request as text that only this service can create or read, valid for `seconds`."""
    expires = (clock.now() + timedelta(seconds=seconds)).timestamp()
    text = json.dumps({"purpose": "authorization", "expires": expires, "request": asdict(request)})
    return base64.urlsafe_b64encode(vault.encrypt(text)).decode().rstrip("=")


def open_request(vault: Vault, sealed: str) -> AuthorizationRequest:
    try:
        box = base64.urlsafe_b64decode(sealed + "=" * (-len(sealed) % 4))
        content = json.loads(vault.decrypt(box))
        is_request = content["purpose"] == "authorization"
        expires, request = float(content["expires"]), AuthorizationRequest(**content["request"])
    except (InvalidTag, UnknownKey, LookupError, ValueError, TypeError) as error:
        raise InvalidRequest("this sign-in was not begun here") from error
    if not is_request or expires < clock.now().timestamp():
        raise InvalidRequest("this sign-in has expired, begin again")
    return request


async def begin_sign_in(
    session: WriteSession, *, username: str, address: str
) -> OpenAttempt | Pause:
    """Record an attempt before its password is verified, unless too many have failed."""
    name_digest, at = orgs.name_digest(session, username), clock.now()
    settings = rules(session)
    limits = Limits(
        per_name=settings.failures_per_name,
        per_name_anywhere=settings.failures_per_name_anywhere,
        per_address=settings.failures_per_address,
        window=timedelta(seconds=settings.failure_window_seconds),
    )
    # Attempts with one name from one address are counted one after the other, so that each sees
    # those before it, and parallel guesses do not all pass.
    key = int.from_bytes(digest_of(f"{name_digest.hex()} {address}")[:8], signed=True)
    await session.execute(select(func.pg_advisory_xact_lock(key)))
    attempts = await queries.recent_attempts(
        session, name_digest, address, since=at - limits.window
    )
    seconds = pause(attempts, limits, at=at)
    if seconds:
        return Pause(seconds)
    accounts = await orgs.accounts_named(session, username)
    attempt = SignInAttempt(name_digest=name_digest, address=address, tried_at=at)
    session.add(attempt)
    await session.flush()
    return OpenAttempt(attempt.id, {account.id: account.password_hash for account in accounts})


async def account_with_password(attempt: OpenAttempt, password: str) -> UUID | None:
    """The account the password opens. Takes 16 ms per account, so call it outside transactions."""
    for account_id, password_hash in attempt.password_hashes.items():
        if await is_password(password, password_hash):
            return account_id
    if not attempt.password_hashes:
        await is_password(password, None)
    return None


async def finish_sign_in(
    session: WriteSession,
    attempt: OpenAttempt,
    request: AuthorizationRequest,
    account_id: UUID | None,
) -> str | None:
    """Record the outcome; the address that returns to the client with a code, or None."""
    await session.execute(
        update(SignInAttempt)
        .where(SignInAttempt.id == attempt.id)
        .values(succeeded=account_id is not None, account_id=account_id)
    )
    if account_id is None:
        return None
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
    parameters = {"code": code, "state": request.state, "iss": rules(session).issuer}
    return with_parameters(request.redirect_uri, parameters)
