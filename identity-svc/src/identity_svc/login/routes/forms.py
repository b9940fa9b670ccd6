"""How OAuth endpoints read forms and answer errors (RFC 6749, 5.2)."""

from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Any, ParamSpec

from fastapi import Request, Response
from fastapi.responses import JSONResponse

from identity_svc.login.errors import InvalidClient, InvalidRequest, OAuthError

P = ParamSpec("P")

FORM_TYPE = "application/x-www-form-urlencoded"
NO_STORE = {"Cache-Control": "no-store", "Pragma": "no-cache"}
_ERROR = {
    "type": "object",
    "properties": {"error": {"type": "string"}, "error_description": {"type": "string"}},
    "required": ["error"],
}


def oauth_errors(*statuses: int, page: bool = False) -> dict[int | str, dict[str, Any]]:
    """OpenAPI `responses` of RFC 6749 errors; with `page` a browser gets them as a page."""
    content: dict[str, Any] = {"application/json": {"schema": _ERROR}}
    content |= {"text/html": {"schema": {"type": "string"}}} if page else {}
    return {status: {"description": "an OAuth error", "content": content} for status in statuses}


def describe_parameters(place: str, required: str, optional: str = "") -> dict[str, Any]:
    """OpenAPI of parameters that the route reads itself, because OAuth defines its own errors."""
    names = required.split()
    if place == "query":
        parameters = [
            {"name": name, "in": "query", "required": name in names, "schema": {"type": "string"}}
            for name in [*names, *optional.split()]
        ]
        return {"parameters": parameters}
    properties = {name: {"type": "string"} for name in [*names, *optional.split()]}
    schema = {"type": "object", "properties": properties, "required": names}
    return {"requestBody": {"required": True, "content": {FORM_TYPE: {"schema": schema}}}}


async def form_of(request: Request) -> dict[str, str]:
    """The fields of the form; a repeated field is refused (RFC 6749, 3.1)."""
    if not request.headers.get("content-type", "").startswith(FORM_TYPE):
        raise InvalidRequest(f"send {FORM_TYPE}")
    items = [(name, value) for name, value in (await request.form()).multi_items()]
    return unique_parameters([(name, value) for name, value in items if isinstance(value, str)])


def unique_parameters(items: list[tuple[str, str]]) -> dict[str, str]:
    parameters = dict(items)
    if len(parameters) != len(items):
        raise InvalidRequest("a parameter is repeated")
    return parameters


def oauth_error(error: OAuthError) -> Response:
    headers = dict(NO_STORE)
    if isinstance(error, InvalidClient):
        headers["WWW-Authenticate"] = 'Basic realm="onenet"'
    elif error.status != 400:  # noqa: PLR2004 - RFC 6750: the token itself is at fault
        headers["WWW-Authenticate"] = f'Bearer realm="onenet", error="{error.error}"'
    return JSONResponse(
        {"error": error.error, "error_description": error.description},
        status_code=error.status,
        headers=headers,
    )


def answers_oauth(route: Callable[P, Awaitable[Response]]) -> Callable[P, Awaitable[Response]]:
    """Return OAuthErrors as answers instead of raising them.

    The transaction of the route then commits, and with it what the refusal has recorded, such as
    the end of a sign-in.
    """

    @wraps(route)
    async def answering(*args: P.args, **kwargs: P.kwargs) -> Response:
        try:
            return await route(*args, **kwargs)
        except OAuthError as error:
            return oauth_error(error)

    return answering
