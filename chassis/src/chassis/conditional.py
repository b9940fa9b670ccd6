"""ETags: lost updates are refused, unchanged public reads are answered with 304."""

from typing import Annotated

from fastapi import Depends, Request, Response

from chassis.errors import PreconditionMissing, Stale

# For the gateway alone, which ends its copies by event; it takes the word out of the answer.
SHARED_SECONDS = 300


class NotModified(Exception):
    """Not a failure: what the client holds is still current."""

    def __init__(self, headers: dict[str, str]) -> None:
        self.headers = headers


async def _required(request: Request) -> str:
    match = request.headers.get("if-match")
    if match is None:
        raise PreconditionMissing(header="If-Match")
    return match


async def _optional(request: Request) -> str | None:
    return request.headers.get("if-match")


RequiredMatch = Annotated[str, Depends(_required)]
OptionalMatch = Annotated[str | None, Depends(_optional)]


def ensure_match(match: str | None, version: int | str) -> None:
    """Raise Stale when If-Match was sent and none of its tags is the present version."""
    if match is None or match.strip() == "*":
        return
    if f'"{version}"' not in {part.strip() for part in match.split(",")}:
        raise Stale(current=f'"{version}"')


def set_tag(response: Response, version: int | str) -> None:
    response.headers["ETag"] = f'"{version}"'


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
