"""The ASGI application: what happens to every request, in order."""

import re
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network

import structlog
from nats.aio.client import Client
from opentelemetry import propagate, trace
from prometheus_client import CONTENT_TYPE_LATEST, Counter, Gauge, Histogram, generate_latest
from starlette.types import Message, Receive, Scope, Send

from chassis import telemetry
from chassis.auth import TokenKeys
from chassis.errors import NotFound, ServiceError, Unauthenticated
from gateway import health, operations
from gateway.cache import serving
from gateway.cache.serving import Cache
from gateway.call import Call, ClientGone
from gateway.errors import BadToken, MethodNotAllowed
from gateway.ids import hyphened, new_request_id, new_span_id
from gateway.limits.buckets import Buckets, Policy
from gateway.limits.checking import check_limit
from gateway.limits.clients import Addresses
from gateway.openapi import documents
from gateway.openapi.documents import Documents
from gateway.pages import pages
from gateway.proxy.forwarding import Upstreams, forward
from gateway.proxy.hygiene import check_headers, check_path
from gateway.proxy.routing import may_change, service_of
from gateway.settings import GatewaySettings
from gateway.stream import progress
from gateway.stream.progress import Streams

log = structlog.get_logger()
_TRACEPARENT = re.compile(
    rb"(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}"
)
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_SLOW_SECONDS = 1.0
_SERVER_ERROR = 500
IN_FLIGHT = Gauge("onenet_gateway_in_flight", "Requests being answered")
PLACES = Gauge("onenet_gateway_places_taken", "Requests under way to a service", ["service"])


@dataclass
class Gateway:
    """Everything one gateway process holds."""

    settings: GatewaySettings
    upstreams: Upstreams
    keys: TokenKeys
    nc: Client
    cache: Cache
    buckets: Buckets
    policies: dict[str, Policy]
    documents: Documents
    health: health.Health
    streams: Streams
    addresses: Addresses
    counters: dict[tuple[str, str, int], Counter] = field(default_factory=dict)
    histograms: dict[str, Histogram] = field(default_factory=dict)
    under_way: int = 0


async def respond(gateway: Gateway, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer one request; every failure is a problem document, unless the answer has begun."""
    call = _call(gateway, scope, receive, send)
    started = time.perf_counter()
    gateway.under_way += 1
    try:
        if gateway.settings.otlp_url is None:
            await _answer(gateway, call)
        else:
            await _answer_traced(gateway, call)
    except ServiceError as error:
        if call.status == 0:
            await call.problem(error)
    except ClientGone:
        call.status = call.status or 499  # nobody is left to answer
    except Exception as error:
        log.exception("failed", route=call.route, exc_info=error)
        if call.status == 0:
            await call.problem(ServiceError())
    finally:
        gateway.under_way -= 1
        _observe(gateway, call, time.perf_counter() - started)


async def _answer_traced(gateway: Gateway, call: Call) -> None:
    """The same with a span of our own between the client's and the service's."""
    parent = propagate.extract({"traceparent": call.traceparent})
    with telemetry.tracer().start_as_current_span(
        f"{call.method} {service_of(call.path)}", context=parent, kind=trace.SpanKind.SERVER
    ):
        carrier: dict[str, str] = {}
        propagate.inject(carrier)
        call.traceparent = carrier.get("traceparent", call.traceparent)
        await _answer(gateway, call)


async def _answer(gateway: Gateway, call: Call) -> None:
    """Whose request it is, whether that client may ask now, whether it is sound, then who answers.

    The limit comes before every refusal, so that refusals count against the client too.
    """
    if call.path in PROBES:
        call.route = call.path
        await PROBES[call.path](gateway, call)
        return
    refusal = _recognize(gateway, call)
    check_limit(call, gateway.buckets, gateway.policies)
    if refusal is not None:
        raise refusal
    own = OWN.get(call.path) or _own_prefix(call.path)
    if own is not None:
        call.route = call.path if call.path in OWN else f"/{call.path.split('/')[1]}/"
        await own(gateway, call)
    elif progress.is_stream(call.path):
        call.route = "stream"
        await progress.serve(call, gateway.streams, gateway.nc, gateway.upstreams)
    elif call.path in operations.LISTS:
        call.route = "operations"
        await operations.serve(call, gateway.upstreams)
    else:
        await _pass_on(gateway, call)


def _recognize(gateway: Gateway, call: Call) -> ServiceError | None:
    """Set the claims; what speaks against the request is returned, not raised."""
    try:
        check_path(call.raw_path, call.query)
        check_headers(call.scope["headers"], call.headers, call.scope["http_version"])
        if call.method not in _METHODS:
            raise MethodNotAllowed(allowed=", ".join(sorted(_METHODS)))
        call.claims = _claims(gateway, call)
    except ServiceError as error:
        return error
    return None


def _claims(gateway: Gateway, call: Call) -> dict[str, object] | None:
    """Claims of a good bearer token; a bad one is refused before any service is asked."""
    header = call.headers.get(b"authorization")
    if header is None or call.path.startswith("/oauth2/"):
        return None
    scheme, _, token = header.decode("latin-1").partition(" ")
    if scheme.lower() != "bearer" or not gateway.keys.keys:
        return None  # another scheme, or no keys yet: the service decides
    try:
        return gateway.keys.verify(token.strip())
    except Unauthenticated:
        raise BadToken from None


async def _pass_on(gateway: Gateway, call: Call) -> None:
    service = service_of(call.path)
    if service is None:
        raise NotFound
    call.route = service
    if serving.is_public(call):
        await serving.serve(call, gateway.cache, gateway.upstreams, service)
    elif may_change(call.method, call.path):
        await _write(gateway, call, service)
    else:
        await forward(call, gateway.upstreams, service)


async def _write(gateway: Gateway, call: Call, service: str) -> None:
    """A write ends the service's kept answers before its client hears of it.

    Only a 4xx is sure to have changed nothing; a lost answer may stand for a done write.
    """
    send = call.send

    async def noting(message: Message) -> None:
        if message["type"] == "http.response.start" and message["status"] // 100 != 4:  # noqa: PLR2004
            gateway.cache.store.move_on(service)
        await send(message)

    call.send = noting
    try:
        await forward(call, gateway.upstreams, service)
    except BaseException:
        gateway.cache.store.move_on(service)
        raise


def _call(gateway: Gateway, scope: Scope, receive: Receive, send: Send) -> Call:
    headers = dict(scope["headers"])
    digits = new_request_id()
    request_id = hyphened(digits)
    given = headers.get(b"traceparent")
    if given is not None and _TRACEPARENT.fullmatch(given):
        traceparent = given.decode()
    else:
        # The request id is a good trace id: unique, and random where tracing wants it to be.
        traceparent = f"00-{digits}-{new_span_id()}-01"
    peer = scope.get("client")
    return Call(
        scope=scope,
        receive=receive,
        send=send,
        method=scope["method"],
        path=scope["path"],
        raw_path=scope.get("raw_path") or scope["path"].encode(),
        query=scope["query_string"],
        headers=headers,
        request_id=request_id,
        traceparent=traceparent,
        address=gateway.addresses.client(
            peer[0] if peer else None, headers.get(b"x-forwarded-for")
        ),
        extra=[(b"x-request-id", request_id.encode()), (b"traceparent", traceparent.encode())],
    )


def counted(gateway: Gateway, route: str, method: str, status: int, seconds: float) -> None:
    """Count an answer and the time it took; the series are looked up once."""
    key = (route, method, status)
    counter = gateway.counters.get(key)
    if counter is None:
        counter = telemetry.REQUESTS.labels("gateway", route, method, status)
        gateway.counters[key] = counter
    counter.inc()
    histogram = gateway.histograms.get(route)
    if histogram is None:
        histogram = telemetry.SECONDS.labels("gateway", route)
        gateway.histograms[route] = histogram
    histogram.observe(seconds)


def _observe(gateway: Gateway, call: Call, seconds: float) -> None:
    method = call.method if call.method in _METHODS else "OTHER"
    counted(gateway, call.route, method, call.status, seconds)
    slow = seconds > _SLOW_SECONDS and call.route != "stream"
    if slow or call.status >= _SERVER_ERROR or call.status == 0:
        log.warning(
            "request",
            route=call.route,
            method=method,
            status=call.status,
            seconds=round(seconds, 3),
            request_id=call.request_id,
        )


async def _live(_: Gateway, call: Call) -> None:
    await call.json(200, {"status": "alive"})


async def _ready(gateway: Gateway, call: Call) -> None:
    await health.serve(call, gateway.health)


async def _metrics(gateway: Gateway, call: Call) -> None:
    """For the operator's network only: others learn nothing, not even that it exists."""
    networks = gateway.settings.metrics_from.split(",")
    try:
        asking = ip_address(call.address)
    except ValueError:
        raise NotFound from None
    if not any(asking in ip_network(one.strip()) for one in networks if one.strip()):
        raise NotFound
    IN_FLIGHT.set(gateway.under_way)
    for service, taken in gateway.upstreams.places.busy.items():
        PLACES.labels(service).set(taken)
    await call.answer(200, generate_latest(), CONTENT_TYPE_LATEST)


async def _documents(gateway: Gateway, call: Call) -> None:
    await documents.serve(call, gateway.documents)


async def _pages(gateway: Gateway, call: Call) -> None:
    await pages.serve(call, gateway.upstreams, gateway.documents)


Own = Callable[[Gateway, Call], Awaitable[None]]

# Not limited: a probe that is refused would take the gateway out of service.
PROBES: dict[str, Own] = {"/livez": _live, "/readyz": _ready, "/metrics": _metrics}
OWN: dict[str, Own] = {
    "/openapi.json": _documents,
    "/asyncapi.json": _documents,
    "/": _pages,
    "/docs": _pages,
    "/progress": _pages,
    "/performance": _pages,
}
OWN_PREFIXES: dict[str, Own] = {"/openapi/": _documents, "/guide/": _pages, "/static/": _pages}


def _own_prefix(path: str) -> Own | None:
    if path.startswith("/api/"):
        return None
    return next((own for prefix, own in OWN_PREFIXES.items() if path.startswith(prefix)), None)
