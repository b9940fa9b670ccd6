"""Who is asking: access tokens verified offline, and the permission each route states."""

import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal
from uuid import UUID

import httpx
from fastapi import Depends, Request
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey

from chassis.errors import Forbidden, Unauthenticated

AUDIENCE = "onenet"
ALGORITHM = "ES256"
_CACHED_TOKENS = 10_000
_LEEWAY_SECONDS = 5


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
    _verified: OrderedDict[str, tuple[dict[str, Any], Actor]] = field(default_factory=OrderedDict)

    async def refresh(self) -> None:
        """Fetch the keys once; raises httpx.HTTPError when the issuer does not answer."""
        async with httpx.AsyncClient(timeout=httpx.Timeout(10, connect=3)) as client:
            answer = await client.get(self.url)
            answer.raise_for_status()
        self.accept(answer.json())

    def accept(self, jwks: dict[str, Any]) -> None:
        """Replace the keys; tokens verified with other keys are forgotten."""
        keys = {
            key["kid"]: ECKey.import_key(key)
            for key in jwks["keys"]
            if key.get("kid", "").startswith("identity-")
        }
        if keys.keys() != self.keys.keys():
            self._verified.clear()
        self.keys = keys

    def verify(self, token: str) -> dict[str, Any]:
        """The claims of a good token; raises Unauthenticated for any other."""
        return self._verify(token)[0]

    def actor(self, token: str) -> Actor:
        """Whom a good token speaks of; raises Unauthenticated for any other."""
        return self._verify(token)[1]

    def _verify(self, token: str) -> tuple[dict[str, Any], Actor]:
        verified = self._verified.get(token)
        if verified is None:
            claims = self._check(token)
            verified = self._verified[token] = (claims, actor_of(claims))
            if len(self._verified) > _CACHED_TOKENS:
                self._verified.popitem(last=False)
        if verified[0]["exp"] + _LEEWAY_SECONDS < time.time():
            raise Unauthenticated
        return verified

    def _check(self, token: str) -> dict[str, Any]:
        try:
            decoded = jwt.decode(
                token, lambda signed: self.keys[signed.headers()["kid"]], algorithms=[ALGORITHM]
            )
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
    keys: TokenKeys = request.app.state.process.keys
    return keys.actor(token.strip())


MaybeActor = Annotated[Actor | None, Depends(maybe_actor)]
# What each permission demands, by its dependency: for the documents and for the test that every
# route states one.
PERMISSIONS: dict[Callable[..., Any], str] = {}


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

    PERMISSIONS[permission] = f"{kinds or 'signed in'} {' or '.join(roles)} {level or ''}".strip()
    return permission


async def public(actor: MaybeActor) -> Actor | None:
    """A route anyone may call; the actor is known when a token came along."""
    return actor


PERMISSIONS[public] = "public"

Anyone = Annotated[Actor | None, Depends(public)]
SignedIn = Annotated[Actor, Depends(requires())]
Citizen = Annotated[Actor, Depends(requires(kind="citizen"))]
Staff = Annotated[Actor, Depends(requires(kind="staff"))]
System = Annotated[Actor, Depends(requires(kind="system"))]
PlatformAdmin = Annotated[Actor, Depends(requires(kind="staff", roles=("platform_admin",)))]
DepartmentAdmin = Annotated[
    Actor, Depends(requires(kind="staff", roles=("department_admin", "platform_admin")))
]
