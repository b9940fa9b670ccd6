"""The outermost middleware: request id and trace in and out, and the figures of each route."""

import time
from contextlib import nullcontext
from functools import lru_cache

import structlog
from opentelemetry import trace
from prometheus_client import Counter, Gauge, Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from chassis import telemetry
from gateway.context import RequestContext, attach
from gateway.limits.clients import Addresses
from gateway.proxy.request_validation import METHODS

IN_FLIGHT = Gauge("onenet_gateway_in_flight", "Requests being answered")
STREAM = "stream"
_SLOW_SECONDS = 1.0
_SERVER_ERROR = 500
log = structlog.get_logger()


class Telemetry:
    """Middleware. `addresses` finds the client behind proxies; `traced`: there is a collector."""

    def __init__(self, app: ASGIApp, addresses: Addresses, *, traced: bool) -> None:
        self.app = app
        self.addresses = addresses
        self.traced = traced
        self.in_flight = 0
        IN_FLIGHT.set_function(lambda: self.in_flight)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        peer = scope["client"][0] if scope.get("client") else None
        forwarded = dict(scope["headers"]).get(b"x-forwarded-for")
        context = attach(scope, self.addresses.client(peer, forwarded))

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *context.added]
                context.status = message["status"]
            await send(message)

        began = time.perf_counter()
        self.in_flight += 1
        try:
            with (
                telemetry.span(context.method, context.traceparent, trace.SpanKind.SERVER)
                if self.traced
                else nullcontext()
            ):
                if self.traced:  # a span of our own between the client's and the service's
                    context.traceparent = telemetry.traceparent() or context.traceparent
                context.added += (
                    (b"x-request-id", context.request_id.encode()),
                    (b"traceparent", context.traceparent.encode()),
                )
                await self.app(scope, receive, sending)
        finally:
            self.in_flight -= 1
            route = context.route or getattr(scope.get("route"), "path", "unmatched")
            observe(context, route, time.perf_counter() - began)


def observe(context: RequestContext, route: str, seconds: float) -> None:
    """Count the answer and its time; only slow and failed requests are logged."""
    method = context.method if context.method in METHODS else "OTHER"
    requests, durations = _series(route, method, context.status)
    requests.inc()
    durations.observe(seconds)
    slow = seconds > _SLOW_SECONDS and route != STREAM
    if slow or context.status >= _SERVER_ERROR or context.status == 0:
        log.warning(
            "request",
            route=route,
            method=method,
            status=context.status,
            seconds=round(seconds, 3),
            request_id=context.request_id,
        )


@lru_cache(maxsize=4096)
def _series(route: str, method: str, status: int) -> tuple[Counter, Histogram]:
    """Finding them by their labels takes longer than counting."""
    return (
        telemetry.REQUESTS.labels("gateway", route, method, status),
        telemetry.SECONDS.labels("gateway", route),
    )
