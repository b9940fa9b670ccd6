"""Forwarding with aiohttp: streamed both ways, with deadlines, limits and careful retries."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import aiohttp
from multidict import CIMultiDict
from yarl import URL

from chassis.errors import TooLarge
from gateway.call import Call
from gateway.errors import Overloaded, UpstreamAway, UpstreamLate
from gateway.proxy.hygiene import request_headers, response_headers
from gateway.proxy.routing import is_upload
from gateway.settings import GatewaySettings

_SAFE = {"GET", "HEAD"}
_BODILESS = {204, 304}


@dataclass
class Upstreams:
    """The client session and how many requests are under way to each service."""

    settings: GatewaySettings
    session: aiohttp.ClientSession
    busy: dict[str, int] = field(default_factory=dict)

    @asynccontextmanager
    async def place(self, service: str) -> AsyncIterator[None]:
        """A place in the bounded queue of a service; raises Overloaded when there is none."""
        under_way = self.busy.get(service, 0)
        if under_way >= self.settings.upstream_concurrency:
            raise Overloaded(retry_after=1)
        self.busy[service] = under_way + 1
        try:
            yield
        finally:
            self.busy[service] -= 1

    def url(self, service: str, raw_path: str, query: str = "") -> URL:
        address = self.settings.upstreams()[service].rstrip("/")
        return URL(f"{address}{raw_path}{'?' if query else ''}{query}", encoded=True)


@asynccontextmanager
async def open_upstreams(settings: GatewaySettings) -> AsyncIterator[Upstreams]:
    connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=60, use_dns_cache=True)
    timeout = aiohttp.ClientTimeout(total=None, connect=5)
    async with aiohttp.ClientSession(
        connector=connector,
        timeout=timeout,
        auto_decompress=False,
        skip_auto_headers=("User-Agent", "Accept-Encoding", "Accept", "Content-Type"),
        cookie_jar=aiohttp.DummyCookieJar(),
        max_line_size=16_384,
        max_field_size=16_384,
    ) as session:
        yield Upstreams(settings, session)


async def forward(call: Call, upstreams: Upstreams, service: str) -> None:
    """Send the request on and stream the answer back, unchanged but for its framing headers."""
    async with upstreams.place(service), opened(call, upstreams, service) as response:
        await call.start(response.status, response_headers(list(response.raw_headers)))
        if call.method == "HEAD" or response.status in _BODILESS:
            await call.send({"type": "http.response.body", "body": b""})
            return
        async for chunk in response.content.iter_any():
            await call.send({"type": "http.response.body", "body": chunk, "more_body": True})
        await call.send({"type": "http.response.body", "body": b""})


@asynccontextmanager
async def opened(
    call: Call, upstreams: Upstreams, service: str
) -> AsyncIterator[aiohttp.ClientResponse]:
    """The upstream's answer, its body unread; raises UpstreamLate or UpstreamAway before it."""
    upload = is_upload(call.path)
    settings = upstreams.settings
    seconds = settings.upload_deadline_seconds if upload else settings.deadline_seconds
    public = urlsplit(settings.issuer)
    headers = CIMultiDict(request_headers(call, public.netloc, public.scheme))
    body = _body(call, settings.upload_bytes if upload else settings.body_bytes)
    url = upstreams.url(service, call.raw_path.decode("latin-1"), call.query.decode("latin-1"))
    response: aiohttp.ClientResponse | None = None
    try:
        async with asyncio.timeout(seconds):
            response = await _request(upstreams, call.method, url, headers, body)
    except TimeoutError:
        raise UpstreamLate from None
    except aiohttp.ClientError as error:
        if isinstance(error.__cause__, TooLarge):
            raise error.__cause__ from None
        raise UpstreamAway(retry_after=2) from error
    try:
        yield response
    finally:
        response.close() if not response.content.is_eof() else response.release()


async def _request(
    upstreams: Upstreams,
    method: str,
    url: URL,
    headers: CIMultiDict[str],
    body: AsyncIterator[bytes] | None,
) -> aiohttp.ClientResponse:
    for attempt in (1, 2):
        try:
            return await upstreams.session.request(
                method, url, headers=headers, data=body, allow_redirects=False
            )
        except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError):
            # Only what changes nothing is tried again: a kept connection may have just closed.
            if method not in _SAFE or body is not None or attempt == 2:  # noqa: PLR2004
                raise
    raise AssertionError("unreachable")


def _body(call: Call, limit: int) -> AsyncIterator[bytes] | None:
    length = call.headers.get("content-length")
    if length is not None and int(length) > limit:
        raise TooLarge(limit=limit)
    if length in {None, "0"} and "transfer-encoding" not in call.headers:
        return None
    return _read(call, limit)


async def _read(call: Call, limit: int) -> AsyncIterator[bytes]:
    read = 0
    while True:
        message = await call.receive()
        if message["type"] == "http.disconnect":
            raise ConnectionResetError("the client went away")
        chunk = message.get("body", b"")
        read += len(chunk)
        if read > limit:
            raise TooLarge(limit=limit)
        if chunk:
            yield chunk
        if not message.get("more_body", False):
            return
