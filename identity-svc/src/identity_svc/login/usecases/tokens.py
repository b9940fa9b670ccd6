"""Tokens: issued for a code, a refresh token or a client's secret; inspected and revoked."""

import base64
import hashlib
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey
from sqlalchemy.ext.asyncio import AsyncSession

from chassis import clock
from chassis.auth import ALGORITHM, AUDIENCE
from chassis.database.sessions import WriteSession
from chassis.signing import public_keys, sign
from identity_svc.login import queries
from identity_svc.login.errors import (
    InsufficientScope,
    InvalidGrant,
    InvalidRequest,
    InvalidToken,
    UnsupportedGrantType,
)
from identity_svc.login.models import Client, RefreshToken, SignIn, digest_of
from identity_svc.login.rules import pkce
from identity_svc.login.rules.scopes import OFFLINE, OPENID, PROFILE, granted_scope
from identity_svc.orgs import queries as orgs
from identity_svc.orgs.models import AccountKind, Department
from identity_svc.people import queries as people
from identity_svc.settings import rules

ACCESS = "at+jwt"
IDENTITY = "JWT"
_SIGN_IN_ENDED = "the sign-in has ended, sign in again"


@dataclass(frozen=True)
class Subject:
    """The person, member of staff or system a token is about, as stored now."""

    kind: str
    name: str
    level: str | None = None
    department: str | None = None
    region: str | None = None
    roles: tuple[str, ...] = ()
    post: str | None = None

    def claims(self) -> dict[str, Any]:
        """Everything but the name, which access tokens do not carry."""
        return {
            "kind": self.kind,
            "level": self.level,
            "department": self.department,
            "region": self.region,
            "roles": list(self.roles),
            "post": self.post,
        }


async def exchange(
    session: WriteSession, client: Client, form: Mapping[str, str]
) -> dict[str, Any]:
    """The token endpoint's answer to clients of people, by grant type."""
    match form.get("grant_type"):
        case "authorization_code":
            return await _exchange_code(session, client, form)
        case "refresh_token":
            return await _exchange_refresh_token(session, client, form)
        case None:
            raise InvalidRequest("grant_type is missing")
        case _:
            raise UnsupportedGrantType(
                "grant_type is authorization_code, refresh_token or client_credentials"
            )


async def _exchange_code(
    session: WriteSession, client: Client, form: Mapping[str, str]
) -> dict[str, Any]:
    code = await queries.code(session, form.get("code", ""))
    if code is None:
        raise InvalidGrant("unknown code")
    signed_in = await queries.sign_in_for_update(session, code.sign_in_id)
    assert signed_in is not None
    if code.used_at is not None:
        # Two parties hold this code, so everything issued for it ends; the route commits this.
        signed_in.end("authorization code replayed")
        raise InvalidGrant("the code was used before; everything issued for it has been revoked")
    if code.expires_at < clock.now():
        raise InvalidGrant("the code has expired")
    if signed_in.client_id != client.client_id or code.redirect_uri != form.get("redirect_uri"):
        raise InvalidGrant("the code was issued to another client or address")
    if not pkce.matches(form.get("code_verifier", ""), code.challenge):
        raise InvalidGrant("code_verifier does not match")
    code.used_at = clock.now()
    return await _issue(session, signed_in, scope=signed_in.scope, nonce=signed_in.nonce)


async def _exchange_refresh_token(
    session: WriteSession, client: Client, form: Mapping[str, str]
) -> dict[str, Any]:
    token = await queries.refresh_token(session, form.get("refresh_token", ""), for_update=True)
    if token is None:
        raise InvalidGrant("unknown refresh token")
    signed_in = await queries.sign_in_for_update(session, token.sign_in_id)
    assert signed_in is not None
    if signed_in.client_id != client.client_id:
        raise InvalidGrant("the refresh token was issued to another client")
    if token.used_at is not None:
        # One of its two holders is not the client, and nobody knows which: the whole family ends.
        signed_in.end("refresh token reused")
        raise InvalidGrant("the refresh token was used before; the sign-in has been ended")
    longest = timedelta(days=rules(session).sign_in_days)
    if token.expires_at < clock.now() or signed_in.signed_in_at + longest < clock.now():
        raise InvalidGrant(_SIGN_IN_ENDED)
    scope = granted_scope(form.get("scope", signed_in.scope), signed_in.scope.split())
    token.used_at = clock.now()
    return await _issue(session, signed_in, scope=scope, nonce=None)


async def for_system(
    session: WriteSession, client: Client, department: Department, form: Mapping[str, str]
) -> dict[str, Any]:
    """The token endpoint's answer to a department's system (RFC 6749, 4.4)."""
    subject = Subject(
        kind="system", name=client.name, department=department.code, region=department.region_code
    )
    return await _access_answer(
        session,
        subject,
        sub=client.id,
        client_id=client.client_id,
        scope=granted_scope(form.get("scope"), client.scopes),
        jti=secrets.token_urlsafe(16),
    )


async def _issue(
    session: WriteSession, signed_in: SignIn, *, scope: str, nonce: str | None
) -> dict[str, Any]:
    account = await orgs.account(session, signed_in.account_id)
    if signed_in.ended_at is not None or account is None or not account.active:
        signed_in.end("account closed")
        raise InvalidGrant(_SIGN_IN_ENDED)
    subject = await subject_of(session, signed_in.account_id, account.kind)
    answer = await _access_answer(
        session,
        subject,
        sub=signed_in.account_id,
        client_id=signed_in.client_id,
        scope=scope,
        jti=f"{signed_in.id}.{secrets.token_urlsafe(16)}",
    )
    if OPENID in scope.split():
        answer["id_token"] = await _id_token(session, signed_in, subject, answer, nonce)
    # The scope of the sign-in decides: a refresh with a narrower scope must not be the last one.
    if OFFLINE in signed_in.scope.split():
        secret = secrets.token_urlsafe(32)
        expires_at = clock.now() + timedelta(days=rules(session).refresh_days)
        session.add(
            RefreshToken(digest=digest_of(secret), sign_in_id=signed_in.id, expires_at=expires_at)
        )
        answer["refresh_token"] = secret
    return answer


async def subject_of(session: AsyncSession, account_id: UUID, kind: str) -> Subject:
    if kind == AccountKind.STAFF:
        staff = await orgs.staff_of_account(session, account_id)
        assert staff is not None
        return Subject(
            kind="staff",
            name=orgs.name_of_staff(session, staff),
            department=staff.department_code,
            region=staff.region_code,
            roles=tuple(staff.roles),
            post=staff.post,
        )
    person = await people.person(session, account_id)
    return Subject(kind="citizen", name=people.name_of(session, person), level=person.level)


async def _access_answer(
    session: WriteSession, subject: Subject, *, sub: UUID, client_id: str, scope: str, jti: str
) -> dict[str, Any]:
    """What every grant is answered with: an access token, its life and its scope."""
    issued, seconds = int(clock.now().timestamp()), rules(session).access_token_seconds
    claims = {
        "iss": rules(session).issuer,
        "sub": str(sub),
        "aud": AUDIENCE,
        "client_id": client_id,
        "scope": scope,
        "iat": issued,
        "exp": issued + seconds,
        "jti": jti,
        **subject.claims(),
    }
    return {
        "access_token": await sign(session, claims, typ=ACCESS),
        "token_type": "Bearer",
        "expires_in": seconds,
        "scope": scope,
    }


async def _id_token(
    session: WriteSession,
    signed_in: SignIn,
    subject: Subject,
    answer: Mapping[str, Any],
    nonce: str | None,
) -> str:
    """The ID token beside the access token of `answer` (OpenID Connect Core 2)."""
    issued = int(clock.now().timestamp())
    half = hashlib.sha256(answer["access_token"].encode()).digest()[:16]
    claims: dict[str, Any] = {
        "iss": rules(session).issuer,
        "sub": str(signed_in.account_id),
        "aud": signed_in.client_id,
        "iat": issued,
        "exp": issued + answer["expires_in"],
        "auth_time": int(signed_in.signed_in_at.timestamp()),
        "sid": str(signed_in.id),
        "at_hash": base64.urlsafe_b64encode(half).decode().rstrip("="),
    }
    if nonce is not None:
        claims["nonce"] = nonce
    if subject.level is not None:
        claims["acr"] = subject.level
    if PROFILE in answer["scope"].split():
        claims["name"] = subject.name
    return await sign(session, claims, typ=IDENTITY)


async def claims_of(session: AsyncSession, token: str, *, typ: str) -> dict[str, Any]:
    """The claims of a token we signed; the caller checks its time."""
    try:
        kid = jws.extract_compact(token.encode()).headers().get("kid")
        (jwk,) = [key for key in await public_keys(session) if key["kid"] == kid]
        opened = jws.deserialize_compact(token, ECKey.import_key(jwk), algorithms=[ALGORITHM])
        claims: dict[str, Any] = json.loads(opened.payload)
    except (JoseError, ValueError, TypeError, KeyError, RecursionError) as error:
        raise InvalidToken("not a token of this issuer") from error
    if opened.headers().get("typ") != typ or claims.get("iss") != rules(session).issuer:
        raise InvalidToken("not a token of this kind")
    return claims


async def live_claims(session: AsyncSession, token: str) -> dict[str, Any]:
    """The claims of an access token that is neither expired nor revoked."""
    claims = await claims_of(session, token, typ=ACCESS)
    if claims["exp"] <= clock.now().timestamp():
        raise InvalidToken("the token has expired")
    sign_in_id = _sign_in_id(claims)
    if sign_in_id is None:
        if await queries.active_client(session, claims["client_id"]) is None:
            raise InvalidToken("the client is closed")
        return claims
    if not await _is_live(session, await queries.sign_in(session, sign_in_id)):
        raise InvalidToken("the token was revoked")
    return claims


async def _is_live(session: AsyncSession, signed_in: SignIn | None) -> bool:
    """Whether neither the sign-in nor its account has ended."""
    if signed_in is None or signed_in.ended_at is not None:
        return False
    account = await orgs.account(session, signed_in.account_id)
    return account is not None and account.active


async def introspect(session: AsyncSession, token: str) -> dict[str, Any]:
    """RFC 7662: the claims, or only that the token is not active."""
    refresh = await queries.refresh_token(session, token)
    if refresh is not None:
        signed_in = await queries.sign_in(session, refresh.sign_in_id)
        spent = refresh.used_at is not None or refresh.expires_at < clock.now()
        if spent or signed_in is None or not await _is_live(session, signed_in):
            return {"active": False}
        return {
            "active": True,
            "client_id": signed_in.client_id,
            "sub": str(signed_in.account_id),
            "scope": signed_in.scope,
            "exp": int(refresh.expires_at.timestamp()),
        }
    try:
        return {"active": True, "token_type": "Bearer", **await live_claims(session, token)}
    except InvalidToken:
        return {"active": False}


async def revoke(session: WriteSession, client: Client, token: str) -> None:
    """RFC 7009: end the sign-in of the client's own token; any other token changes nothing."""
    refresh = await queries.refresh_token(session, token)
    sign_in_id = refresh.sign_in_id if refresh else None
    if refresh is None:
        try:
            sign_in_id = _sign_in_id(await claims_of(session, token, typ=ACCESS))
        except InvalidToken:
            return
    if sign_in_id is None:
        return
    signed_in = await queries.sign_in_for_update(session, sign_in_id)
    if signed_in is not None and signed_in.client_id == client.client_id:
        signed_in.end("revoked by the client")


async def sign_out(session: WriteSession, id_token: str) -> Client | None:
    """End the sign-in of an ID token; returns its client, to which the browser may go back."""
    claims = await claims_of(session, id_token, typ=IDENTITY)
    signed_in = await queries.sign_in_for_update(session, UUID(claims["sid"]))
    if signed_in is not None:
        signed_in.end("signed out")
    return await queries.active_client(session, claims["aud"])


async def userinfo(session: AsyncSession, token: str) -> dict[str, Any]:
    """OpenID Connect Core 5.3: the particulars as stored now, not as the token has them."""
    claims = await live_claims(session, token)
    scopes = claims["scope"].split()
    if OPENID not in scopes:
        raise InsufficientScope("the token lacks the scope openid")
    subject = await subject_of(session, UUID(claims["sub"]), claims["kind"])
    answer = {"sub": claims["sub"], **subject.claims()}
    return answer | {"name": subject.name} if PROFILE in scopes else answer


def _sign_in_id(claims: Mapping[str, Any]) -> UUID | None:
    """The id of a user's token begins with that of its sign-in; a system's has none."""
    sign_in_id, dot, _ = str(claims["jti"]).partition(".")
    return UUID(sign_in_id) if dot else None
