"""Operators' lists over all services: asked side by side with the caller's token, joined."""

import asyncio
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from chassis.errors import ServiceError
from chassis.pagination import BadCursor
from gateway.context import RequestContext, context_of
from gateway.proxy.upstreams import Answer, Upstreams

LISTS = ("/api/v1/operations/dead-letters", "/api/v1/operations/outbox")
MAX_BYTES = 4 * 1024 * 1024
_OK = 200


class Operations:
    def __init__(self, upstreams: Upstreams) -> None:
        self.upstreams = upstreams

    async def list_all(self, request: Request) -> Response:
        """The lists of all services in one; a service that is away is named, not left out silently.

        The cursor holds those of the services that have more.
        """
        context = context_of(request.scope)
        context.route = "operations"
        parameters = dict(request.query_params)
        cursors = _cursors(parameters.pop("after", None), list(self.upstreams.services))
        answers = await asyncio.gather(
            *(self.ask(context, name, parameters, after) for name, after in cursors.items())
        )
        rows: list[Any] = []
        away: list[str] = []
        following = {}
        for name, answer in zip(cursors, answers, strict=True):
            if answer is not None and 400 <= answer.status < 500:  # noqa: PLR2004
                return as_it_is(answer)
            if answer is None or answer.status != _OK or answer.body is None:
                away.append(name)
                continue
            content = json.loads(answer.body)
            rows += content.get("data", [content])
            if content.get("next"):
                following[name] = content["next"]
        cursor = urlsafe_b64encode(json.dumps(following).encode()).decode() if following else None
        content = {"data": rows, "next": cursor, "away": away}
        return JSONResponse(content, headers={"Cache-Control": "no-store"})

    async def ask(
        self, context: RequestContext, name: str, parameters: dict[str, str], after: str | None
    ) -> Answer | None:
        """The list of one service; None when it is away."""
        path = context.path.replace("/operations/", f"/operations/{name}/")
        query = urlencode(parameters | ({"after": after} if after else {})).encode()
        derived = context.derive_get(path, query, b"if-none-match")
        try:
            return await self.upstreams.fetch(derived, name, MAX_BYTES)
        except ServiceError:
            return None


def as_it_is(answer: Answer) -> Response:
    """A service's answer, passed on."""
    response = Response(answer.body or b"", status_code=answer.status)
    response.raw_headers = answer.headers
    return response


def _cursors(after: str | None, names: list[str]) -> dict[str, str | None]:
    """Which services to ask, and from where."""
    if after is None:
        return dict.fromkeys(names)
    try:
        cursors = json.loads(urlsafe_b64decode(after.encode()))
        return {name: str(cursors[name]) for name in names if name in cursors}
    except (ValueError, TypeError, RecursionError) as error:
        raise BadCursor from error
