"""The ASGI application: what happens to every request, in order."""

import re
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import structlog
from nats.aio.client import Client
from opentelemetry import propagate, trace
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.types import Receive, Scope, Send

from chassis import clock, telemetry
from chassis.auth import TokenKeys
from chassis.errors import NotFound, ServiceError, Unauthenticated
from gateway import health, operations
from gateway.cache import serving
from gateway.cache.serving import Cache
from gateway.call import Call
from gateway.limits.buckets import Buckets, Policy
from gateway.limits.checking import check_limit
from gateway.openapi import documents
from gateway.openapi.documents import Documents
from gateway.pages import pages
from gateway.proxy.forwarding import Upstreams, forward
from gateway.proxy.hygiene import check_path
from gateway.proxy.routing import service_of
from gateway.settings import GatewaySettings
from gateway.stream import progress
from gateway.stream.progress import Streams

log = structlog.get_logger()
_REQUEST_ID = re.compile(r"^[0-9A-Za-z-]{8,64}$")
_ENTRY = "/oauth2/"


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
    proxies: frozenset[str] = field(default_factory=frozenset)


async def respond(gateway: Gateway, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer one request; every failure is a problem document, unless the answer has begun."""
    call = _call(gateway, scope, receive, send)
    started = time.perf_counter()
    carrier = {k: v for k, v in call.headers.items() if k in {"traceparent", "tracestate"}}
    parent = propagate.extract(carrier)
    try:
        with telemetry.tracer().start_as_current_span(
            f"{call.method} {call.path}", context=parent, kind=trace.SpanKind.SERVER
        ):
            await _handle(gateway, call)
    except ServiceError as error:
        if call.status == 0:
            await call.problem(error)
    except ConnectionError:
        call.status = call.status or 499  # the client went away; nobody is left to answer
    except Exception as error:
        log.exception("failed", path=call.route, exc_info=error)
        if call.status == 0:
            await call.problem(ServiceError())
        else:
            raise
    finally:
        _observe(call, time.perf_counter() - started)


async def _handle(gateway: Gateway, call: Call) -> None:
    check_path(call.raw_path)
    own = OWN.get(call.path) or _own_prefix(call.path)
    if own is not None:
        call.route = call.path if call.path in OWN else call.path.split("/")[1]
        await own(gateway, call)
        return
    call.claims = _claims(gateway, call)
    check_limit(call, gateway.buckets, gateway.policies)
    if (case_id := progress.case_of(call.path)) is not None and call.method == "GET":
        call.route = "stream"
        await progress.serve(call, gateway.streams, gateway.nc, gateway.upstreams, case_id)
        return
    if call.path in operations.LISTS:
        call.route = "operations"
        await operations.serve(call, gateway.upstreams)
        return
    await _pass_on(gateway, call)


async def _pass_on(gateway: Gateway, call: Call) -> None:
    service = service_of(call.path)
    if service is None:
        raise NotFound
    call.route = service
    if serving.is_public(call):
        await serving.serve(call, gateway.cache, gateway.upstreams, service)
        return
    if call.method not in {"GET", "HEAD", "OPTIONS"}:
        call.send = _moving_on(gateway, service, call.send)
    await forward(call, gateway.upstreams, service)


def _moving_on(gateway: Gateway, service: str, send: Send) -> Send:
    """A write that succeeded ends the service's kept answers before its client hears of it."""

    async def noting(message: dict[str, object]) -> None:
        if message["type"] == "http.response.start" and 200 <= int(str(message["status"])) < 300:  # noqa: PLR2004 - 2xx
            gateway.cache.store.move_on(service)
        await send(message)

    return noting  # type: ignore[return-value]  # a message is a mutable mapping in Starlette's eyes


def _claims(gateway: Gateway, call: Call) -> dict[str, object] | None:
    """Claims of a good bearer token; a bad one is refused before any service is asked."""
    scheme, _, token = call.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or call.path.startswith(_ENTRY):
        return None
    if not gateway.keys.keys:
        return None  # no keys yet: the service decides
    if not token:
        raise Unauthenticated
    return gateway.keys.verify(token.strip())


def _call(gateway: Gateway, scope: Scope, receive: Receive, send: Send) -> Call:
    headers: dict[str, str] = {}
    for name, value in scope["headers"]:
        headers[name.decode("latin-1")] = value.decode("latin-1")
    request_id = headers.get("x-request-id", "")
    if not _REQUEST_ID.match(request_id):
        request_id = str(clock.new_id())
    peer = (scope.get("client") or ("unknown", 0))[0]
    if peer in gateway.proxies and "x-forwarded-for" in headers:
        peer = headers["x-forwarded-for"].rpartition(",")[2].strip()
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
        address=peer,
    )


def _observe(call: Call, seconds: float) -> None:
    telemetry.REQUESTS.labels("gateway", call.route, call.method, call.status).inc()
    telemetry.SECONDS.labels("gateway", call.route).observe(seconds)


async def _live(_: Gateway, call: Call) -> None:
    await call.json(200, {"status": "alive"})


async def _ready(gateway: Gateway, call: Call) -> None:
    await health.serve(call, gateway.health)


async def _metrics(_: Gateway, call: Call) -> None:
    await call.answer(200, generate_latest(), CONTENT_TYPE_LATEST)


async def _documents(gateway: Gateway, call: Call) -> None:
    await documents.serve(call, gateway.documents, gateway.upstreams)


async def _pages(gateway: Gateway, call: Call) -> None:
    await pages.serve(call, gateway.upstreams, gateway.documents)


Own = Callable[[Gateway, Call], Awaitable[None]]

OWN: dict[str, Own] = {
    "/livez": _live,
    "/readyz": _ready,
    "/metrics": _metrics,
    "/openapi.json": _documents,
    "/asyncapi.json": _documents,
    "/": _pages,
    "/docs": _pages,
    "/progress": _pages,
    "/performance": _pages,
}
OWN_PREFIXES: dict[str, Own] = {"/openapi/": _documents, "/guide/": _pages, "/static/": _pages}


def _own_prefix(path: str) -> Own | None:
    return next((own for prefix, own in OWN_PREFIXES.items() if path.startswith(prefix)), None)
