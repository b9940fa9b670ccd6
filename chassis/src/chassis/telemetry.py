"""Structured logs, traces and metrics; no personal data in any of them."""

import contextlib
import logging
import re
import sys
import time
from collections.abc import Iterator
from contextvars import ContextVar
from datetime import datetime
from functools import cache, lru_cache
from typing import Any

import structlog
from opentelemetry import propagate, trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from prometheus_client import Counter, Gauge, Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from chassis import clock

REQUESTS = Counter("onenet_requests", "Requests answered", ["service", "route", "method", "status"])
SECONDS = Histogram(
    "onenet_request_seconds",
    "Time to answer",
    ["service", "route"],
    buckets=(0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10),
)
PUBLISHED = Counter("onenet_events_published", "Outbox rows published", ["service"])
PARKED = Counter("onenet_events_parked", "Outbox rows the bus refused for good", ["service"])
BACKLOG = Gauge("onenet_outbox_backlog", "Outbox rows not yet published", ["service"])
DEAD_LETTERS = Counter("onenet_dead_letters", "Events parked by a consumer", ["service"])
DELAY = Histogram(
    "onenet_event_delay_seconds",
    "From the event's record to its committed effect here",
    ["service", "type"],
    buckets=(0.001, 0.002, 0.005, 0.01, 0.03, 0.1, 0.5, 1, 5, 30, 300),
)
SLOW_SECONDS = 1.0

log = structlog.get_logger()
# PostgreSQL shows the failing row under DETAIL, pydantic the input of a failing field.
_VALUES = re.compile(
    r"(?<=DETAIL:).*?(?=\n\[SQL|\nHINT:|\n\n|\Z)|(?<=input_value=).*?(?=, input_type=)", re.DOTALL
)
_REQUEST_ID = re.compile(r"^[0-9A-Za-z-]{8,64}$")
_TRACEPARENT = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")
_CAME_WITH: ContextVar[str | None] = ContextVar("traceparent", default=None)


def configure(service: str, *, level: str, otlp_url: str | None) -> None:
    """Set up logging for the process, and traces when a collector is named."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            _cover_values,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level)),
        logger_factory=structlog.PrintLoggerFactory(file=sys.stdout),
        cache_logger_on_first_use=True,
    )
    structlog.contextvars.bind_contextvars(service=service)
    logging.basicConfig(level=logging.WARNING, stream=sys.stdout, format='{"event":"%(message)s"}')
    if otlp_url:
        provider = TracerProvider(resource=Resource.create({"service.name": service}))
        provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=otlp_url)))
        trace.set_tracer_provider(provider)
        _collector.cache_clear()


def without_values(text: str) -> str:
    """An error's text without the row or field it complains about, which may be personal."""
    return _VALUES.sub("…", text)


def _cover_values(
    _: object, __: str, event: structlog.typing.EventDict
) -> structlog.typing.EventDict:
    if isinstance(event.get("exception"), str):
        event["exception"] = without_values(event["exception"])
    return event


@cache
def _collector() -> bool:
    """Whether `configure` was given one; asking each time takes longer than passing on."""
    return isinstance(trace.get_tracer_provider(), TracerProvider)


def tracer() -> trace.Tracer:
    return trace.get_tracer("onenet")


def observe_delay(service: str, event_type: str, recorded: datetime) -> None:
    age = (clock.now() - recorded).total_seconds()
    _delays(service, event_type).observe(max(age, 0))


@lru_cache(maxsize=4096)
def _delays(service: str, event_type: str) -> Histogram:
    return DELAY.labels(service, event_type)


@lru_cache(maxsize=4096)
def _series(service: str, path: str, method: str, status: int) -> tuple[Counter, Histogram]:
    """Finding them by their labels takes longer than counting."""
    return REQUESTS.labels(service, path, method, status), SECONDS.labels(service, path)


@contextlib.contextmanager
def span(name: str, traceparent: str | None, kind: trace.SpanKind) -> Iterator[None]:
    """Without a collector nothing is measured, but what came along is passed on."""
    if _collector():
        parent = propagate.extract({"traceparent": traceparent}) if traceparent else None
        with tracer().start_as_current_span(name, context=parent, kind=kind):
            yield
    else:
        token = _CAME_WITH.set(traceparent)
        try:
            yield
        finally:
            _CAME_WITH.reset(token)


def traceparent() -> str | None:
    """What to send with a call or an event, so that the trace goes on there; W3C Trace Context."""
    if _collector():
        carrier: dict[str, str] = {}
        propagate.inject(carrier)
        return carrier.get("traceparent")
    came_with = _CAME_WITH.get()
    return came_with if came_with and _TRACEPARENT.fullmatch(came_with) else None


class RequestTelemetry:
    """Pure ASGI: trace, request id, metrics; logs only slow and failed requests."""

    def __init__(self, app: ASGIApp, service: str) -> None:
        self.app = app
        self.service = service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request_id = came_with = ""
        for key, value in scope["headers"]:
            if key == b"x-request-id":
                request_id = value.decode("latin-1")
            elif key == b"traceparent":
                came_with = value.decode("latin-1")
        if not _REQUEST_ID.match(request_id):
            request_id = str(clock.new_id())
        started, answered = time.perf_counter(), {"status": 500}

        async def noting(message: Message) -> None:
            if message["type"] == "http.response.start":
                answered["status"] = message["status"]
                message["headers"] = [
                    *message.get("headers", ()),
                    (b"x-request-id", request_id.encode()),
                ]
            await send(message)

        structlog.contextvars.bind_contextvars(request_id=request_id)
        name = f"{scope['method']} {scope['path']}"
        with span(name, came_with or None, trace.SpanKind.SERVER):
            try:
                await self.app(scope, receive, noting)
            finally:
                self._observe(scope, answered["status"], time.perf_counter() - started)

    def _observe(self, scope: Scope, status: int, seconds: float) -> None:
        route: Any = scope.get("route")
        path = getattr(route, "path", "unmatched")
        requests, durations = _series(self.service, path, scope["method"], status)
        requests.inc()
        durations.observe(seconds)
        if seconds > SLOW_SECONDS or status >= 500:  # noqa: PLR2004 - server failures
            log.warning(
                "request",
                route=path,
                method=scope["method"],
                status=status,
                seconds=round(seconds, 3),
            )


PENDING = Gauge(
    "onenet_consumer_pending", "Events of a producer not yet taken in", ["service", "producer"]
)
LETTERS = Gauge("onenet_dead_letters_open", "Dead letters not re-driven", ["service"])
TURNS = Counter("onenet_loop_turns", "Turns of a loop", ["service", "loop", "outcome"])
READY = Gauge("onenet_ready", "1 when the part is there", ["service", "part"])
POOL = Gauge("onenet_pool_in_use", "Database connections lent out", ["service"])
