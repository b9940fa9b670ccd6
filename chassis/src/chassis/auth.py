"""Who is asking: access tokens verified offline, and the permission each route states."""

import ssl
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import cache
from typing import Annotated, Any, Literal
from uuid import UUID

import httpx
from fastapi import Depends, Request
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey

from chassis.errors import Forbidden, Unauthenticated
from chassis.telemetry import traceparent

AUDIENCE = "onenet"
ALGORITHM = "ES256"
_CACHED_TOKENS = 10_000
_LEEWAY_SECONDS = 5
_ACTOR = "actor, put together once"


class AssuranceTooLow(Forbidden):
    slug = "assurance-too-low"
    zh = "此操作要求实名等级 {needed}，您当前为 {level}。请先提升实名等级。"
    en = "This needs assurance level {needed}; yours is {level}. Raise it first."


@dataclass(frozen=True)
class Actor:
    """Who acts: a citizen, a member of staff (with department, region, roles) or a system."""

    id: UUID
    kind: Literal["citizen", "staff", "system"]
    client_id: str
    scopes: frozenset[str] = frozenset()
    level: str = "L0"
    department: str | None = None
    region: str | None = None
    roles: frozenset[str] = frozenset()
    post: str | None = None

    def __hash__(self) -> int:
        return hash(self.id)  # what is kept for an actor is found by it many times a request

    def has(self, role: str) -> bool:
        return role in self.roles


@dataclass
class TokenKeys:
    """Verifies access tokens with the issuer's published keys, refreshed in the background.

    Only keys whose id starts with `identity-` count: other services publish keys at the same
    address for receipts and certificates, and those must not be able to sign anyone in.
    """

    url: str
    issuer: str
    keys: dict[str, ECKey] = field(default_factory=dict)
    _seen: OrderedDict[str, dict[str, Any]] = field(default_factory=OrderedDict)

    async def refresh(self) -> None:
        """Fetch the keys once; raises httpx.HTTPError when the issuer does not answer."""
        async with outside() as client:
            answer = await client.get(self.url)
            answer.raise_for_status()
        self.accept(answer.json())

    def accept(self, jwks: dict[str, Any]) -> None:
        found = {
            key["kid"]: ECKey.import_key(key)
            for key in jwks["keys"]
            if key.get("kid", "").startswith("identity-")
        }
        if found.keys() != self.keys.keys():
            self._seen.clear()
        self.keys = found

    def verify(self, token: str) -> dict[str, Any]:
        """The claims of a good token; raises Unauthenticated for any other."""
        claims = self._seen.get(token)
        if claims is None:
            claims = self._check(token)
            self._seen[token] = claims
            if len(self._seen) > _CACHED_TOKENS:
                self._seen.popitem(last=False)
        if claims["exp"] + _LEEWAY_SECONDS < time.time():
            raise Unauthenticated
        return claims

    def actor(self, token: str) -> Actor:
        """Whom a good token speaks of; raises Unauthenticated for any other."""
        claims = self.verify(token)
        found: Actor | None = claims.get(_ACTOR)
        if found is None:
            found = claims[_ACTOR] = actor_of(claims)
        return found

    def _check(self, token: str) -> dict[str, Any]:
        try:
            decoded = jwt.decode(token, self._key_of, algorithms=[ALGORITHM])
            claims = dict(decoded.claims)
            good = (
                decoded.header.get("typ") == "at+jwt"
                and claims["iss"] == self.issuer
                and claims["aud"] == AUDIENCE
                and isinstance(claims["exp"], int)
                and UUID(claims["sub"])
            )
        except (JoseError, KeyError, ValueError, TypeError, RecursionError) as error:
            raise Unauthenticated from error
        if not good:
            raise Unauthenticated
        return claims

    def _key_of(self, token: Any) -> ECKey:
        return self.keys[token.headers()["kid"]]


def actor_of(claims: dict[str, Any]) -> Actor:
    return Actor(
        id=UUID(claims["sub"]),
        kind=claims["kind"],
        client_id=claims["client_id"],
        scopes=frozenset(str(claims.get("scope", "")).split()),
        level=claims.get("level") or "L0",
        department=claims.get("department"),
        region=claims.get("region"),
        roles=frozenset(claims.get("roles") or ()),
        post=claims.get("post"),
    )


async def maybe_actor(request: Request) -> Actor | None:
    """The actor of a good bearer token, none without a token; a bad token is refused."""
    header = request.headers.get("authorization")
    if header is None:
        return None
    scheme, _, token = header.partition(" ")
    if scheme.lower() != "bearer":
        # Clients of the token endpoint sign in with Basic (RFC 6749, 2.3.1); that is no actor.
        return None
    if not token:
        raise Unauthenticated
    keys: TokenKeys = request.app.state.context.keys
    return keys.actor(token.strip())


MaybeActor = Annotated[Actor | None, Depends(maybe_actor)]


def requires(
    *,
    kind: str | tuple[str, ...] | None = None,
    roles: tuple[str, ...] = (),
    level: str | None = None,
) -> Callable[..., Awaitable[Actor]]:
    """A dependency that states the route's permission: any of `roles`, at least `level`."""
    kinds = (kind,) if isinstance(kind, str) else kind

    async def permission(actor: MaybeActor) -> Actor:
        if actor is None:
            raise Unauthenticated
        if (kinds and actor.kind not in kinds) or (roles and not actor.roles.intersection(roles)):
            raise Forbidden
        if level is not None and actor.level < level:
            raise AssuranceTooLow(needed=level, level=actor.level)
        return actor

    permission.states = f"{kinds or 'signed in'} {' or '.join(roles)} {level or ''}".strip()  # type: ignore[attr-defined]  # read by the architecture test
    return permission


async def public(actor: MaybeActor) -> Actor | None:
    """A route anyone may call; the actor is known when a token came along."""
    return actor


public.states = "public"  # type: ignore[attr-defined]  # read by the architecture test

Anyone = Annotated[Actor | None, Depends(public)]
SignedIn = Annotated[Actor, Depends(requires())]
Citizen = Annotated[Actor, Depends(requires(kind="citizen"))]
Staff = Annotated[Actor, Depends(requires(kind="staff"))]
System = Annotated[Actor, Depends(requires(kind="system"))]
PlatformAdmin = Annotated[Actor, Depends(requires(kind="staff", roles=("platform_admin",)))]
DepartmentAdmin = Annotated[
    Actor, Depends(requires(kind="staff", roles=("department_admin", "platform_admin")))
]


@cache
def _trusted() -> ssl.SSLContext:
    """Made once: reading the certificates takes 20 ms in which nobody else is answered."""
    return httpx.create_ssl_context()


def outside(base_url: str = "") -> httpx.AsyncClient:
    """A client for calls to the outside: timeouts always, the trace goes along."""
    return httpx.AsyncClient(
        base_url=base_url,
        timeout=httpx.Timeout(10, connect=3),
        headers={"User-Agent": "onenet"},
        transport=httpx.AsyncHTTPTransport(retries=1, verify=_trusted()),
        event_hooks={"request": [_trace]},
    )


async def _trace(request: httpx.Request) -> None:
    if came_with := traceparent():
        request.headers["traceparent"] = came_with
