"""Headers about versions: `If-Match` keeps writes safe, `If-None-Match` keeps reads short."""

import hashlib
from typing import Annotated, Any

from fastapi import Depends, Request, Response
from pydantic import TypeAdapter

from chassis.errors import PreconditionMissing, Stale

_ANYTHING: TypeAdapter[Any] = TypeAdapter(Any)
# For the gateway alone, which ends its copies by event; it takes the word out of the answer.
SHARED_SECONDS = 300


class NotModified(Exception):
    """Not a failure: what the client holds is still current."""

    def __init__(self, headers: dict[str, str]) -> None:
        self.headers = headers


async def required_match(request: Request) -> str:
    match = request.headers.get("if-match")
    if match is None:
        raise PreconditionMissing(header="If-Match")
    return match


async def optional_match(request: Request) -> str | None:
    return request.headers.get("if-match")


RequiredMatch = Annotated[str, Depends(required_match)]
OptionalMatch = Annotated[str | None, Depends(optional_match)]
MATCHES = {required_match, optional_match}


def ensure_match(match: str | None, version: int | str) -> None:
    """Raise Stale when If-Match was sent and none of its tags is the present version."""
    if match is None or match.strip() == "*":
        return
    if f'"{version}"' not in {part.strip() for part in match.split(",")}:
        raise Stale(current=f'"{version}"')


def set_tag(response: Response, version: int | str) -> None:
    response.headers["ETag"] = f'"{version}"'


def digest_of(answer: Any) -> str:
    """An entity tag for an answer that has no version of its own."""
    return hashlib.sha256(_ANYTHING.dump_json(answer)).hexdigest()[:32]


def public_read(
    request: Request, response: Response, etag: str, max_age: int, *, shared: bool = False
) -> None:
    """Mark a public answer cacheable; raises NotModified when the client holds this version.

    `shared`: every change of the answer is an event, so the gateway may keep it until then.
    """
    kept = f", s-maxage={SHARED_SECONDS}" if shared else ""
    headers = {
        "ETag": f'"{etag}"',
        "Cache-Control": f"public, max-age={max_age}{kept}",
        "Vary": "Accept-Language",
    }
    held = request.headers.get("if-none-match", "")
    if {part.strip().removeprefix("W/") for part in held.split(",")} & {headers["ETag"], "*"}:
        raise NotModified(headers)
    response.headers.update(headers)
