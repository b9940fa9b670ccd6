"""Structured logs, traces and metrics; no personal data in any of them.

Every request is traced, counted and timed; slow and failed ones are logged.
"""

import contextlib
import logging
import re
import sys
import time
from collections.abc import Iterator

import structlog
from opentelemetry import propagate, trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from prometheus_client import Counter, Gauge, Histogram
from starlette.datastructures import Headers, MutableHeaders
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
PENDING = Gauge(
    "onenet_consumer_pending", "Events of a producer not yet taken in", ["service", "producer"]
)
LETTERS = Gauge("onenet_dead_letters_open", "Dead letters not re-driven", ["service"])
TURNS = Counter("onenet_loop_turns", "Turns of a loop", ["service", "loop", "outcome"])
READY = Gauge("onenet_ready", "1 when the part is there", ["service", "part"])
POOL = Gauge("onenet_pool_in_use", "Database connections lent out", ["service"])

SLOW_SECONDS = 1.0
_REQUEST_ID = re.compile(r"^[0-9A-Za-z-]{8,64}$")
log = structlog.get_logger()
# PostgreSQL shows the failing row under DETAIL, pydantic the input of a failing field.
_VALUES = re.compile(
    r"(?<=DETAIL:).*?(?=\n\[SQL|\nHINT:|\n\n|\Z)|(?<=input_value=).*?(?=, input_type=)", re.DOTALL
)


def configure(service: str, *, level: str, otlp_url: str | None) -> None:
    """Set up logging for the process, and traces when a collector is named."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            _hide_values,
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


def without_values(text: str) -> str:
    """An error's text without the row or field it complains about, which may be personal."""
    return _VALUES.sub("…", text)


def _hide_values(
    _: object, __: str, event: structlog.typing.EventDict
) -> structlog.typing.EventDict:
    if isinstance(event.get("exception"), str):
        event["exception"] = without_values(event["exception"])
    return event


@contextlib.contextmanager
def span(name: str, traceparent: str | None, kind: trace.SpanKind) -> Iterator[None]:
    """A span under `traceparent`; without a collector the parent is only passed on."""
    parent = propagate.extract({"traceparent": traceparent} if traceparent else {})
    with trace.get_tracer("onenet").start_as_current_span(name, context=parent, kind=kind):
        yield


def traceparent() -> str | None:
    """The W3C Trace Context to send along with a call or an event; None outside a trace."""
    carrier: dict[str, str] = {}
    propagate.inject(carrier)
    return carrier.get("traceparent")


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
            span(name, headers.get("traceparent"), trace.SpanKind.SERVER),
        ):
            try:
                await self.app(scope, receive, send_with_id)
            finally:
                self._observe(scope, status, time.perf_counter() - started)

    def _observe(self, scope: Scope, status: int, seconds: float) -> None:
        path, method = getattr(scope.get("route"), "path", "unmatched"), scope["method"]
        REQUESTS.labels(self.service, path, method, status).inc()
        SECONDS.labels(self.service, path).observe(seconds)
        if seconds > SLOW_SECONDS or status >= 500:  # noqa: PLR2004 - server failures
            rounded = round(seconds, 3)
            log.warning("request", route=path, method=method, status=status, seconds=rounded)
