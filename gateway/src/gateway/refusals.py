"""Failures as problem documents: the one place where the gateway renders them."""

import asyncio
from contextlib import suppress

import structlog
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from chassis.errors import NotFound, ServiceError
from chassis.problems import MEDIA_TYPE, MethodNotAllowed, document
from gateway.context import SMALL_BODY_BYTES, ClientGone, RequestContext, context_of
from gateway.errors import BadRequest

# How long the rest of a refused body is still read: a client may look for the answer only once it
# has sent, and a connection closed with unread bytes loses what was written last.
LINGER_SECONDS = 2.0
_CLIENT_GONE = 499
log = structlog.get_logger()


class Failures:
    """Middleware: every failure of the rest is answered, unless the answer has begun.

    What has begun is cut off: an application that returns early ends the connection.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        context = context_of(scope)
        try:
            await self.app(scope, receive, send)
        except ServiceError as error:
            await refuse(error, context, receive, send)
        except ClientGone:
            context.status = context.status or _CLIENT_GONE
        except Exception as error:
            log.exception("failed", route=context.route, exc_info=error)
            await refuse(ServiceError(), context, receive, send)


def problem(error: ServiceError, context: RequestContext) -> Response:
    language = context.language
    return JSONResponse(
        document(error, language=language, instance=context.path),
        status_code=error.status,
        media_type=MEDIA_TYPE,
        headers={"Content-Language": "zh-CN" if language == "zh" else "en"} | error.headers(),
    )


async def refuse(
    error: ServiceError, context: RequestContext, receive: Receive, send: Send
) -> None:
    """Answer with the problem; read on briefly where a long body is still on its way."""
    if context.status:
        return
    response = problem(error, context)
    announced = context.body_bytes
    unread = not context.body_read and (announced is None or announced > SMALL_BODY_BYTES)
    if unread:
        response.headers["Connection"] = "close"
    await send(
        {
            "type": "http.response.start",
            "status": response.status_code,
            "headers": response.raw_headers,
        }
    )
    await send({"type": "http.response.body", "body": response.body, "more_body": unread})
    if unread:
        with suppress(TimeoutError):
            async with asyncio.timeout(LINGER_SECONDS):
                while (await receive()).get("more_body", False):
                    pass
        await send({"type": "http.response.body", "body": b""})


async def http_error(request: Request, error: Exception) -> Response:
    """What Starlette itself refuses: a method that an own route does not know, a broken request."""
    assert isinstance(error, HTTPException)
    allowed = (error.headers or {}).get("Allow", "")
    kinds: dict[int, ServiceError] = {
        400: BadRequest(),
        404: NotFound(),
        405: MethodNotAllowed(allowed=", ".join(sorted(allowed.split(", ")))),
    }
    return problem(kinds.get(error.status_code, ServiceError()), context_of(request.scope))
