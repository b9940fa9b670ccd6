"""Tokens for a system that was here a moment ago: from memory, without dependency or session.

Systems fetch tokens all day long (decision 0020).
"""

from collections.abc import Callable, Coroutine
from typing import Any
from urllib.parse import parse_qsl

from fastapi import Request, Response
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute

from identity_svc.login.errors import OAuthError
from identity_svc.login.routes.forms import FORM_TYPE, NO_STORE, once
from identity_svc.login.usecases import clients, tokens

Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class TokenRoute(APIRoute):
    """Whatever is unusual goes FastAPI's own way, from the start; nothing has been done by then."""

    def get_route_handler(self) -> Handler:
        ordinary = super().get_route_handler()

        async def handle(request: Request) -> Response:
            return await _at_once(request) or await ordinary(request)

        return handle


async def _at_once(request: Request) -> Response | None:
    """The answer to a plain form with the right secret of a client that is remembered."""
    headers = request.headers
    if headers.get("content-type") != FORM_TYPE or "idempotency-key" in headers:
        return None
    try:
        form = once(parse_qsl((await request.body()).decode(), keep_blank_values=True))
        if form.get("grant_type") != "client_credentials":
            return None
        here = request.app.state.context
        system = clients.remembered_system(here, form, headers.get("authorization"))
        answer = system and tokens.for_system_at_once(here, system, form)
    except (OAuthError, ValueError):
        return None
    return JSONResponse(answer, headers=NO_STORE) if answer else None
