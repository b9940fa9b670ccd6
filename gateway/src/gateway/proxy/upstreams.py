"""The services: their addresses, the connections kept to them, and what may be sent twice."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from urllib.parse import urlsplit

import aiohttp
from aiohttp import ClientHandlerType, ClientRequest, ClientResponse, ClientSession
from prometheus_client import Counter, Gauge
from yarl import URL

from gateway.context import Headers, RequestContext
from gateway.errors import DeadlineExceeded, OutcomeUnknown, UpstreamBroken, UpstreamUnavailable
from gateway.proxy.bodies import RequestBody
from gateway.proxy.concurrency import ConcurrencyLimits
from gateway.proxy.headers import TIMEOUT, TextHeaders, request_headers, response_headers
from gateway.proxy.routing import is_upload
from gateway.settings import GatewaySettings

CONNECT_SECONDS = 3.0
# Kept connections are closed before the services (75 s) do, so that no request meets a
# connection that is just being closed.
IDLE_SECONDS = 45.0
# How long after its last answer a connection is surely still open: a service that stops says so
# in its answers for longer than that (`drain_seconds`) before it closes those that are left.
SURE_SECONDS = 1.0
# An address that refused a connection is passed over for so long while there is another.
REFUSED_SECONDS = 1.0
RETRY_SECONDS = 0.05
MAX_HEADER_BYTES = 64 * 1024
MAX_DOCUMENT_BYTES = 16 * 1024 * 1024
SAFE = frozenset({"GET", "HEAD"})
FAILURES = Counter(
    "onenet_gateway_upstream_failures", "Requests a service did not answer", ["service", "kind"]
)
PLACES = Gauge("onenet_gateway_places_taken", "Requests under way to a service", ["service"])


class UpstreamError(Exception):
    """A service did not answer."""


class NotConnected(UpstreamError):
    """The service cannot have seen the request: no connection came about."""


class Disconnected(UpstreamError):
    """The connection broke; whether the service did something is unknown."""


class NotHttp(UpstreamError):
    """The answer is not HTTP."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A service's whole answer; `body` is None when it is longer than the asker allowed."""

    status: int
    headers: Headers
    body: bytes | None


@dataclass(frozen=True, slots=True)
class UpstreamRequest:
    """A request to a service; `keyed`: by its `Idempotency-Key` the service does it only once."""

    method: str
    target: str
    headers: TextHeaders
    body: RequestBody | bytes | None = None
    keyed: bool = False

    @property
    def repeatable(self) -> bool:
        if self.method in SAFE:
            return self.body is None
        return self.keyed and not isinstance(self.body, RequestBody)


@dataclass
class Service:
    """The addresses of one service take turns."""

    addresses: list[str]
    turn: int = 0
    refused_until: dict[str, float] = field(default_factory=dict)

    def in_turn(self) -> list[str]:
        """All addresses, the next one first, those that have just refused last."""
        self.turn = (self.turn + 1) % len(self.addresses)
        rotated = self.addresses[self.turn :] + self.addresses[: self.turn]
        now = asyncio.get_running_loop().time()
        return sorted(rotated, key=lambda address: self.refused_until.get(address, 0) > now)

    def refused(self, address: str) -> None:
        self.refused_until[address] = asyncio.get_running_loop().time() + REFUSED_SECONDS


class Upstreams:
    """Sends requests to services.

    There are two sets of connections. What may be repeated takes any kept connection (`_kept`);
    what may not, and what is repeated, only one that was in use just now (`_recent`).
    `upload_limits` hold for bodies that stream, however slowly: they take no place of others.
    """

    def __init__(self, settings: GatewaySettings) -> None:
        self.settings = settings
        self.services = {
            name: Service([part.strip().rstrip("/") for part in setting.split(",") if part.strip()])
            for name, setting in settings.upstreams().items()
        }
        self.limits = ConcurrencyLimits(
            settings.upstream_concurrency, settings.concurrency, settings.client_concurrency
        )
        self.upload_limits = ConcurrencyLimits(
            settings.upload_concurrency,
            settings.upload_concurrency,
            settings.client_upload_concurrency,
        )
        for name in self.services:
            PLACES.labels(name).set_function(partial(self.limits.taken, name))
        public = urlsplit(settings.issuer)
        self._host, self._scheme = public.netloc, public.scheme
        self._kept: ClientSession
        self._recent: ClientSession

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[None]:
        async with _session(IDLE_SECONDS) as self._kept, _session(SURE_SECONDS) as self._recent:
            yield

    def seconds(self, context: RequestContext) -> float:
        """The deadline of a request: what its path allows, or less where the client asks so."""
        settings = self.settings
        upload = is_upload(context.path)
        allowed = settings.upload_deadline_seconds if upload else settings.deadline_seconds
        wish = context.fields.get(TIMEOUT.lower().encode(), b"")
        if not wish.isdigit() or len(wish) > 9:  # noqa: PLR2004 - eleven days
            return allowed
        return min(allowed, max(int(wish), 1) / 1000)

    def longest_body(self, context: RequestContext) -> int:
        settings = self.settings
        return settings.upload_bytes if is_upload(context.path) else settings.body_bytes

    def request(
        self, context: RequestContext, seconds: float, body: RequestBody | bytes | None = None
    ) -> UpstreamRequest:
        """The client's request as a service gets it; the length is that of what is sent."""
        headers = request_headers(context, self._host, self._scheme, seconds)
        if isinstance(body, RequestBody) and body.announced is not None:
            headers.append(("Content-Length", str(body.announced)))
        target = context.raw_path.decode("ascii")
        if context.query:
            target = f"{target}?{context.query.decode('ascii')}"
        keyed = b"idempotency-key" in context.fields
        return UpstreamRequest(context.method, target, headers, body, keyed)

    async def send(self, name: str, request: UpstreamRequest) -> ClientResponse:
        """Status and headers of the answer; its body is still to be read.

        Once more, and only what changes nothing or what the service will not do twice.
        """
        session = self._kept if request.repeatable else self._recent
        try:
            try:
                return await self._try(session, name, request)
            except Disconnected:
                if not request.repeatable:
                    raise
            await asyncio.sleep(RETRY_SECONDS)
            return await self._try(self._recent, name, request)
        except UpstreamError as error:
            if isinstance(request.body, RequestBody) and request.body.failure is not None:
                raise request.body.failure from error
            FAILURES.labels(name, "broken" if isinstance(error, NotHttp) else "away").inc()
            if isinstance(error, NotHttp):
                raise UpstreamBroken from error
            if isinstance(error, NotConnected) or request.method in SAFE:
                raise UpstreamUnavailable(retry_after=2) from error
            raise OutcomeUnknown(retry_after=2) from error

    async def fetch(self, context: RequestContext, name: str, limit: int) -> Answer:
        """The whole answer to a GET; raises as `send` does, also when it breaks off."""
        seconds = self.settings.deadline_seconds
        try:
            with self.limits.place(name, context.client):
                async with asyncio.timeout(seconds):
                    response = await self.send(name, self.request(context, seconds))
                    return await _whole(response, limit)
        except TimeoutError:
            FAILURES.labels(name, "late").inc()
            raise DeadlineExceeded from None
        except aiohttp.ClientError as error:
            FAILURES.labels(name, "broken").inc()
            raise UpstreamUnavailable(retry_after=1) from error

    async def probe(self, name: str, path: str, seconds: float) -> Answer:
        """A GET of the gateway's own; raises UpstreamError or TimeoutError."""
        request = UpstreamRequest("GET", path, [("Host", self._host)])
        try:
            async with asyncio.timeout(seconds):
                response = await self._try(self._recent, name, request)
                return await _whole(response, MAX_DOCUMENT_BYTES)
        except aiohttp.ClientError as error:
            raise Disconnected from error

    async def _try(
        self, session: ClientSession, name: str, request: UpstreamRequest
    ) -> ClientResponse:
        """One try; the next address is asked only if nothing was sent to this one."""
        service = self.services[name]
        body = request.body
        for address in service.in_turn():
            try:
                return await session.request(
                    request.method,
                    URL(address + request.target, encoded=True),
                    headers=request.headers,
                    data=body.stream() if isinstance(body, RequestBody) else body,
                    allow_redirects=False,
                )
            except NotConnected:
                service.refused(address)
        raise NotConnected


def _session(keep_seconds: float) -> ClientSession:
    """A client that passes on what it gets: no cookies, no decompression, no headers of its own."""
    return ClientSession(
        connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=keep_seconds),
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS),
        skip_auto_headers=("Accept", "Accept-Encoding", "Content-Type", "User-Agent"),
        auto_decompress=False,
        max_line_size=MAX_HEADER_BYTES,
        max_field_size=MAX_HEADER_BYTES,
        middlewares=(named_errors,),
    )


async def named_errors(request: ClientRequest, handler: ClientHandlerType) -> ClientResponse:
    """Give aiohttp's errors our names; under its own it would repeat PUT and DELETE by itself."""
    try:
        return await handler(request)
    except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
        raise NotConnected from error
    except aiohttp.ClientResponseError as error:
        raise NotHttp from error
    except aiohttp.ClientError as error:
        raise Disconnected from error


async def _whole(response: ClientResponse, limit: int) -> Answer:
    body: bytes | None = b""
    try:
        async for chunk in response.content.iter_any():
            body = (body or b"") + chunk
            if len(body) > limit:
                body = None
                break
    finally:
        response.release()
    return Answer(response.status, response_headers(response.raw_headers), body)
