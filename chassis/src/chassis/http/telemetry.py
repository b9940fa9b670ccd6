"""Every request is traced, counted and timed; slow and failed ones are logged."""

import re
import time

import structlog
from opentelemetry.trace import SpanKind
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from chassis import clock, telemetry

SLOW_SECONDS = 1.0
_REQUEST_ID = re.compile(r"^[0-9A-Za-z-]{8,64}$")
log = structlog.get_logger()


class RequestTelemetry:
    """ASGI middleware: the gateway's request id stands in each log line and is sent back."""

    def __init__(self, app: ASGIApp, service: str) -> None:
        self.app, self.service = app, service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        request_id = headers.get("x-request-id", "")
        if not _REQUEST_ID.match(request_id):
            request_id = str(clock.new_id())
        started, status = time.perf_counter(), 500

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)["X-Request-Id"] = request_id
            await send(message)

        name = f"{scope['method']} {scope['path']}"
        with (
            structlog.contextvars.bound_contextvars(request_id=request_id),
            telemetry.span(name, headers.get("traceparent"), SpanKind.SERVER),
        ):
            try:
                await self.app(scope, receive, send_with_id)
            finally:
                self._observe(scope, status, time.perf_counter() - started)

    def _observe(self, scope: Scope, status: int, seconds: float) -> None:
        path, method = getattr(scope.get("route"), "path", "unmatched"), scope["method"]
        telemetry.REQUESTS.labels(self.service, path, method, status).inc()
        telemetry.SECONDS.labels(self.service, path).observe(seconds)
        if seconds > SLOW_SECONDS or status >= 500:  # noqa: PLR2004 - server failures
            rounded = round(seconds, 3)
            log.warning("request", route=path, method=method, status=status, seconds=rounded)
