"""Operators' lists over all services: asked side by side with the caller's token, joined."""

import asyncio
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any
from urllib.parse import parse_qsl, urlencode

from chassis.errors import ServiceError
from chassis.pagination import BadCursor
from gateway.call import Call
from gateway.errors import MethodNotAllowed
from gateway.proxy.forwarding import Answer, Upstreams, fetch

LISTS = ("/api/v1/operations/dead-letters", "/api/v1/operations/outbox")
MAX_BYTES = 4 * 1024 * 1024
_OK = 200


async def serve(call: Call, upstreams: Upstreams) -> None:
    """The lists of all services in one; a service that is away is named, not left out silently.

    The cursor holds those of the services that have more.
    """
    if call.method not in {"GET", "HEAD"}:
        raise MethodNotAllowed(allowed="GET, HEAD")
    given = dict(parse_qsl(call.query.decode("latin-1")))
    cursors = _cursors(given.pop("after", None), list(upstreams.addresses))
    asked = [_ask(call, upstreams, name, given, after) for name, after in cursors.items()]
    answers = dict(zip(cursors, await asyncio.gather(*asked), strict=True))
    refused = next((one for one in answers.values() if one and 400 <= one.status < 500), None)  # noqa: PLR2004
    if refused is not None:
        await call.start(refused.status, refused.headers)
        await call.write(refused.body or b"", more=False)
        return
    rows: list[Any] = []
    following = {}
    for name, answer in answers.items():
        if answer is None or answer.status != _OK or answer.body is None:
            continue
        content = json.loads(answer.body)
        rows += content.get("data", [content])
        if content.get("next"):
            following[name] = content["next"]
    away = [name for name, one in answers.items() if one is None or one.status != _OK]
    content = {"data": rows, "next": _cursor(following), "away": away}
    await call.json(200, content, [(b"cache-control", b"no-store")])


async def _ask(
    call: Call, upstreams: Upstreams, name: str, given: dict[str, str], after: str | None
) -> Answer | None:
    path = call.path.replace("/operations/", f"/operations/{name}/")
    query = urlencode(given | ({"after": after} if after else {})).encode()
    try:
        return await fetch(call.asking(path, query, b"if-none-match"), upstreams, name, MAX_BYTES)
    except ServiceError:
        return None


def _cursors(after: str | None, names: list[str]) -> dict[str, str | None]:
    """Which services to ask, and from where."""
    if after is None:
        return dict.fromkeys(names)
    try:
        found = json.loads(urlsafe_b64decode(after.encode()))
        return {name: str(found[name]) for name in names if name in found}
    except (ValueError, TypeError, RecursionError) as error:
        raise BadCursor from error


def _cursor(following: dict[str, str]) -> str | None:
    if not following:
        return None
    return urlsafe_b64encode(json.dumps(following).encode()).decode()
