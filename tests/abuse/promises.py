"""What every answer of the network keeps, whatever was asked: our own checks of each response."""

from __future__ import annotations

import json
import re
from typing import Any

import schemathesis

NAME = "house_promises"
PROBLEM = "application/problem+json"
OAUTH = "/oauth2/"  # speaks the error format of RFC 6749, not RFC 9457
TALKATIVE = re.compile(
    rb"Traceback \(most recent|File \"/|sqlalchemy|asyncpg|psycopg|nats\.errors|pydantic_core"
    rb"|starlette|uvicorn|\.py\", line|postgresql://|SELECT .+ FROM |INSERT INTO "
)


def watch(secret: tuple[str, ...]) -> None:
    """Register the check; `secret` must not stand in any answer."""

    def house_promises(context: Any, response: Any, case: Any) -> None:
        wrong = broken(
            path=case.path,
            status=response.status_code,
            media_type=(response.headers.get("content-type") or [""])[0],
            body=response.content,
            secret=() if mentions(response.request, secret) else secret,
        )
        if case.method.upper() == "HEAD":
            return
        assert wrong is None, wrong

    schemathesis.check(house_promises)


def mentions(request: Any, secret: tuple[str, ...]) -> bool:
    """Whether the request said the secret itself; an echo gives nothing away."""
    body = request.body or b""
    said = str(request.url).encode() + (body if isinstance(body, bytes) else str(body).encode())
    return any(one.encode() in said for one in secret)


def broken(
    *, path: str, status: int, media_type: str, body: bytes, secret: tuple[str, ...]
) -> str | None:
    """The first promise this answer does not keep."""
    if status >= 500 and status != 503:
        return f"answers {status}"
    found = TALKATIVE.search(body) if not media_type.startswith("text/html") else None
    if found:
        return f"speaks of its inside: {found.group().decode(errors='replace')}"
    for one in secret:
        if one.encode() in body:
            return "tells the number of a person the role may not see"
    if status >= 400 and not path.startswith(OAUTH):
        return not_a_problem(status, media_type, body)
    return None


def not_a_problem(status: int, media_type: str, body: bytes) -> str | None:
    if media_type.split(";", maxsplit=1)[0] != PROBLEM:
        return f"a refusal ({status}) of type {media_type or 'none'}"
    try:
        problem = json.loads(body)
    except ValueError:
        return f"a refusal ({status}) that is not JSON"
    if not re.fullmatch(r"urn:onenet:problem:[a-z0-9-]+", str(problem.get("type"))):
        return f"a problem without a slug: {problem.get('type')}"
    if problem.get("status") != status:
        return f"a problem that says {problem.get('status')} and is {status}"
    missing = [name for name in ("title", "detail", "instance") if not problem.get(name)]
    return f"a problem without {', '.join(missing)}" if missing else None
