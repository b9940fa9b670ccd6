"""Structured logs, traces and metrics; no personal data in any of them."""

import contextlib
import logging
import re
import sys
from collections.abc import Iterator

import structlog
from opentelemetry import propagate, trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from prometheus_client import Counter, Gauge, Histogram

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


def tracer() -> trace.Tracer:
    return trace.get_tracer("onenet")


@contextlib.contextmanager
def span(name: str, traceparent: str | None, kind: trace.SpanKind) -> Iterator[None]:
    """A span under `traceparent`; without a collector the parent is only passed on."""
    parent = propagate.extract({"traceparent": traceparent} if traceparent else {})
    with tracer().start_as_current_span(name, context=parent, kind=kind):
        yield


def traceparent() -> str | None:
    """The W3C Trace Context to send along with a call or an event; None outside a trace."""
    carrier: dict[str, str] = {}
    propagate.inject(carrier)
    return carrier.get("traceparent")
