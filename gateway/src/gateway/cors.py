"""Cross-origin requests of applications in a browser (the Fetch standard, CORS protocol)."""

import re

from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.context import Headers, context_of
from gateway.proxy.routing import is_cross_origin

# Applications under development; those of registered clients follow with the clients.
_LOOPBACK = re.compile(rb"http://(?:127\.0\.0\.1|localhost|\[::1\])(?::[0-9]{1,5})?")
_EXPOSED = (
    b"ETag, Location, X-Request-Id, RateLimit, RateLimit-Policy, Retry-After,"
    b" Idempotency-Replayed, WWW-Authenticate"
)
_REQUEST_HEADERS = (
    b"Accept, Accept-Language, Authorization, Cache-Control, Content-Type, Idempotency-Key,"
    b" If-Match, If-None-Match, Last-Event-ID, Repr-Digest, Traceparent, X-Request-Timeout-Ms"
)
_PREFLIGHT: Headers = [
    (b"access-control-allow-methods", b"GET, HEAD, POST, PUT, PATCH, DELETE"),
    (b"access-control-allow-headers", _REQUEST_HEADERS),
    (b"access-control-max-age", b"600"),
]


class Cors:
    """Middleware: other origins may read the API, without cookies; they never see a sign-in page.

    The headers are added to each answer on its way out, so the cache never holds them.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not is_cross_origin(scope["path"]):
            await self.app(scope, receive, send)
            return
        context = context_of(scope)
        origin = context.fields.get(b"origin")
        allowed = origin is not None and _LOOPBACK.fullmatch(origin)
        context.added.append((b"vary", b"Origin"))
        if origin is not None and allowed:
            context.added += (
                (b"access-control-allow-origin", origin),
                (b"access-control-expose-headers", _EXPOSED),
            )
        if (
            origin is None
            or context.method != "OPTIONS"
            or b"access-control-request-method" not in context.fields
        ):
            await self.app(scope, receive, send)
            return
        context.route = "preflight"
        headers = _PREFLIGHT if allowed else []
        await send({"type": "http.response.start", "status": 204, "headers": headers})
        await send({"type": "http.response.body", "body": b""})
