"""Forwarding with aiohttp: streamed both ways, with deadlines, limits and careful retries."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import aiohttp
import structlog
from multidict import CIMultiDict
from prometheus_client import Counter
from yarl import URL

from gateway.call import Call, ClientGone, Headers
from gateway.errors import (
    OutcomeUnknown,
    Overloaded,
    RequestLate,
    UpstreamAway,
    UpstreamBroken,
    UpstreamLate,
)
from gateway.proxy.bodies import Body, body_of, is_small
from gateway.proxy.hygiene import request_headers, response_headers
from gateway.proxy.routing import is_upload
from gateway.proxy.watching import Watch
from gateway.settings import GatewaySettings

_SAFE = frozenset({"GET", "HEAD"})
_BODILESS = frozenset({204, 304})
_RETRY_AFTER_SECONDS = 0.05
FAILURES = Counter(
    "onenet_gateway_upstream_failures", "Requests a service did not answer", ["service", "kind"]
)
log = structlog.get_logger()


@dataclass
class Upstreams:
    """The client session and how many requests are under way to each service."""

    settings: GatewaySettings
    session: aiohttp.ClientSession
    busy: dict[str, int] = field(default_factory=dict)
    addresses: dict[str, str] = field(init=False)
    public_host: str = field(init=False)
    public_scheme: str = field(init=False)

    def __post_init__(self) -> None:
        upstreams = self.settings.upstreams()
        self.addresses = {name: address.rstrip("/") for name, address in upstreams.items()}
        public = urlsplit(self.settings.issuer)
        self.public_host, self.public_scheme = public.netloc, public.scheme

    def enter(self, service: str) -> None:
        """Take a place among the requests under way; raises Overloaded when there is none."""
        under_way = self.busy.get(service, 0)
        if under_way >= self.settings.upstream_concurrency:
            raise Overloaded(retry_after=1)
        self.busy[service] = under_way + 1

    def leave(self, service: str) -> None:
        self.busy[service] -= 1

    def url(self, service: str, raw_path: str, query: str = "") -> URL:
        return URL(
            f"{self.addresses[service]}{raw_path}{'?' if query else ''}{query}", encoded=True
        )

    def seconds(self, path: str) -> float:
        """The deadline of a request to this path."""
        chosen = self.settings
        return chosen.upload_deadline_seconds if is_upload(path) else chosen.deadline_seconds


@asynccontextmanager
async def open_upstreams(settings: GatewaySettings) -> AsyncIterator[Upstreams]:
    # Kept connections are closed before the services (75 s) do, so that no request meets a
    # connection that is just being closed.
    connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=45, ttl_dns_cache=10)
    async with aiohttp.ClientSession(
        connector=connector,
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=3),
        auto_decompress=False,
        skip_auto_headers=("User-Agent", "Accept-Encoding", "Accept", "Content-Type"),
        cookie_jar=aiohttp.DummyCookieJar(),
        max_line_size=32_768,
        max_field_size=32_768,
    ) as session:
        yield Upstreams(settings, session)


async def forward(call: Call, upstreams: Upstreams, service: str) -> None:
    """Send the request on and stream the answer back, unchanged but for its framing headers."""
    seconds = upstreams.seconds(call.path)
    body = await _body(call, upstreams, seconds)
    upstreams.enter(service)
    try:
        with Watch(call, seconds) as watch:
            response = await _ask(call, upstreams, service, body)
            try:
                await _pass_back(call, response, watch, seconds)
            except (aiohttp.ClientError, TimeoutError) as error:
                _note_broken(service, error)
            finally:
                _release(response)
    except UpstreamLate:
        FAILURES.labels(service, "late").inc()
        raise
    finally:
        upstreams.leave(service)


@dataclass(frozen=True, slots=True)
class Answer:
    """A service's whole answer; `body` is None when it is longer than the asker allowed."""

    status: int
    headers: Headers
    body: bytes | None


async def fetch(call: Call, upstreams: Upstreams, service: str, limit: int) -> Answer:
    """The whole answer to a GET; raises as `forward` does, also when it breaks off."""
    upstreams.enter(service)
    try:
        async with asyncio.timeout(upstreams.settings.deadline_seconds):
            response = await _ask(call, upstreams, service, None)
            try:
                body = await _whole(response, limit)
            finally:
                _release(response)
    except TimeoutError:
        FAILURES.labels(service, "late").inc()
        raise UpstreamLate from None
    except aiohttp.ClientError as error:
        FAILURES.labels(service, "broken").inc()
        raise UpstreamAway(retry_after=1) from error
    finally:
        upstreams.leave(service)
    return Answer(response.status, response_headers(list(response.raw_headers)), body)


async def _body(call: Call, upstreams: Upstreams, seconds: float) -> Body | bytes | None:
    settings = upstreams.settings
    body = body_of(call, settings.upload_bytes if is_upload(call.path) else settings.body_bytes)
    if body is None or not is_small(call):
        return body
    try:
        async with asyncio.timeout(seconds):
            return await body.whole()
    except TimeoutError:
        raise RequestLate from None


async def _pass_back(
    call: Call, response: aiohttp.ClientResponse, watch: Watch, seconds: float
) -> None:
    headers = response_headers(list(response.raw_headers))
    if response.status in _BODILESS:
        await call.start(response.status, [one for one in headers if one[0] != b"content-length"])
        await call.write(b"", more=False)
        return
    await call.start(response.status, headers)
    content = response.content
    while not content.is_eof():
        watch.extend(seconds)
        chunk = await content.readany()
        if content.at_eof():
            await call.write(chunk, more=False)
            return
        await call.write(chunk, more=True)
    await call.write(content.read_nowait(), more=False)


async def _whole(response: aiohttp.ClientResponse, limit: int) -> bytes | None:
    body = b""
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > limit:
            return None
    return body


async def _ask(
    call: Call, upstreams: Upstreams, service: str, body: Body | bytes | None
) -> aiohttp.ClientResponse:
    """The answer with its body unread."""
    url = upstreams.url(service, call.raw_path.decode("ascii"), call.query.decode("ascii"))
    headers = request_headers(call, upstreams.public_host, upstreams.public_scheme)
    try:
        return await _request(upstreams, call.method, url, headers, body)
    except aiohttp.ClientError as error:
        if isinstance(body, Body) and body.failure is not None:
            raise body.failure from None
        raise _named(service, call.method, error) from error


async def _request(
    upstreams: Upstreams,
    method: str,
    url: URL,
    headers: CIMultiDict[str],
    body: Body | bytes | None,
) -> aiohttp.ClientResponse:
    sent = body.chunks() if isinstance(body, Body) else body
    try:
        return await upstreams.session.request(
            method, url, headers=headers, data=sent, allow_redirects=False
        )
    except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError):
        # Only what changes nothing is tried again, once.
        if method not in _SAFE or body is not None:
            raise
    await asyncio.sleep(_RETRY_AFTER_SECONDS)
    return await upstreams.session.request(method, url, headers=headers, allow_redirects=False)


def _named(service: str, method: str, error: aiohttp.ClientError) -> Exception:
    if isinstance(error, aiohttp.ClientResponseError | aiohttp.ClientPayloadError):
        FAILURES.labels(service, "broken").inc()
        return UpstreamBroken()
    FAILURES.labels(service, "away").inc()
    never_sent = isinstance(error, aiohttp.ClientConnectorError | aiohttp.ServerTimeoutError)
    if never_sent or method in _SAFE:
        return UpstreamAway(retry_after=2)
    return OutcomeUnknown(retry_after=2)


def _note_broken(service: str, error: Exception) -> None:
    """The answer has begun, so all that is left is to break it off; the client sees it cut."""
    FAILURES.labels(service, "broken").inc()
    log.warning("answer_broken", service=service, kind=type(error).__name__)
    raise ClientGone from error


def _release(response: aiohttp.ClientResponse) -> None:
    if response.content.is_eof():
        response.release()
    else:
        response.close()
