"""Forwarding: streamed both ways, with deadlines, limits and careful retries."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import structlog
from prometheus_client import Counter

from gateway.call import Call, ClientGone, Headers
from gateway.errors import Ambiguous, OutcomeUnknown, UpstreamAway, UpstreamBroken, UpstreamLate
from gateway.proxy.bodies import Body, body_of, framing_of, is_small
from gateway.proxy.hygiene import TIMEOUT, forwarded_for, request_head, response_headers
from gateway.proxy.places import Places
from gateway.proxy.pools import Addresses, Pool, addresses_of
from gateway.proxy.routing import is_upload
from gateway.proxy.watching import Watch
from gateway.proxy.wire import Broken, Connection, NeverSent, NotHttp
from gateway.settings import GatewaySettings

_SAFE = frozenset({"GET", "HEAD"})
_BODILESS = frozenset({204, 304})
_RETRY_AFTER_SECONDS = 0.05
# What somebody signed in was told is hers; no browser or proxy keeps it unless the service says so.
_NO_STORE = (b"cache-control", b"no-store")
_TIMEOUT = TIMEOUT.lower().encode()
FAILURES = Counter(
    "onenet_gateway_upstream_failures", "Requests a service did not answer", ["service", "kind"]
)
log = structlog.get_logger()


@dataclass
class Upstreams:
    """The kept connections, and the places of the requests that are under way.

    `uploading` are those of bodies that stream, however slowly.
    """

    settings: GatewaySettings
    places: Places = field(init=False)
    uploading: Places = field(init=False)
    addresses: dict[str, Addresses] = field(init=False)
    public_host: str = field(init=False)
    public_scheme: str = field(init=False)

    def __post_init__(self) -> None:
        chosen = self.settings
        self.places = Places(
            per_service=chosen.upstream_concurrency,
            in_all=chosen.concurrency,
            per_client=chosen.client_concurrency,
        )
        # A sender may take two minutes over a body; apart, it keeps nobody from short requests.
        self.uploading = Places(
            per_service=chosen.upload_concurrency,
            in_all=chosen.upload_concurrency,
            per_client=chosen.client_upload_concurrency,
        )
        upstreams = self.settings.upstreams()
        self.addresses = {name: addresses_of(setting) for name, setting in upstreams.items()}
        public = urlsplit(self.settings.issuer)
        self.public_host, self.public_scheme = public.netloc, public.scheme

    def seconds(self, call: Call) -> float:
        """The deadline of a request: what its path is allowed, or less where the client asks so."""
        chosen = self.settings
        allowed = (
            chosen.upload_deadline_seconds if is_upload(call.path) else chosen.deadline_seconds
        )
        asked = call.headers.get(_TIMEOUT)
        if asked is None or not asked.isdigit() or len(asked) > 9:  # noqa: PLR2004 - eleven days
            return allowed
        return min(allowed, max(int(asked), 1) / 1000)

    def forwarded(self, client: str) -> bytes:
        return forwarded_for(client, self.public_host, self.public_scheme)


@asynccontextmanager
async def open_upstreams(settings: GatewaySettings) -> AsyncIterator[Upstreams]:
    upstreams = Upstreams(settings)
    try:
        yield upstreams
    finally:
        for addresses in upstreams.addresses.values():
            for pool in addresses.pools:
                pool.close()


async def forward(call: Call, upstreams: Upstreams, service: str) -> None:
    """Send the request on and stream the answer back, unchanged but for its framing headers."""
    seconds = upstreams.seconds(call)
    body = await _body(call, upstreams, seconds)
    places = upstreams.uploading if isinstance(body, Body) else upstreams.places
    places.enter(service, call.client)
    try:
        with Watch(call, seconds) as watch:
            pool, connection = await _ask(call, upstreams, service, body, seconds)
            try:
                await _pass_back(call, connection, watch)
            except Broken as error:
                _note_broken(service, error)
            finally:
                pool.give_back(connection)
    except UpstreamLate:
        FAILURES.labels(service, "late").inc()
        raise
    finally:
        places.leave(service, call.client)


@dataclass(frozen=True, slots=True)
class Answer:
    """A service's whole answer; `body` is None when it is longer than the asker allowed."""

    status: int
    headers: Headers
    body: bytes | None


async def fetch(call: Call, upstreams: Upstreams, service: str, limit: int) -> Answer:
    """The whole answer to a GET; raises as `forward` does, also when it breaks off."""
    seconds = upstreams.settings.deadline_seconds
    upstreams.places.enter(service, call.client)
    try:
        async with asyncio.timeout(seconds):
            pool, connection = await _ask(call, upstreams, service, None, seconds)
            try:
                body = await _whole(connection, limit)
            finally:
                pool.give_back(connection)
    except TimeoutError:
        FAILURES.labels(service, "late").inc()
        raise UpstreamLate from None
    except Broken as error:
        FAILURES.labels(service, "broken").inc()
        raise UpstreamAway(retry_after=1) from error
    finally:
        upstreams.places.leave(service, call.client)
    return Answer(connection.status, response_headers(connection.headers), body)


async def fetch_plainly(upstreams: Upstreams, service: str, path: str, seconds: float) -> Answer:
    """A GET of the gateway's own, for nobody; raises Broken, NeverSent or TimeoutError."""
    head = b"GET %b HTTP/1.1\r\nHost: %b\r\n\r\n" % (path.encode(), upstreams.public_host.encode())
    pool = upstreams.addresses[service].in_turn()[0]
    async with asyncio.timeout(seconds):
        connection = await pool.connect()
        try:
            connection.begin(head, b"", head_only=False)
            await connection.head()
            body = await _whole(connection, _DOCUMENT_BYTES)
        finally:
            pool.give_back(connection)
    return Answer(connection.status, response_headers(connection.headers), body)


_DOCUMENT_BYTES = 16 * 1024 * 1024


async def _body(call: Call, upstreams: Upstreams, seconds: float) -> Body | bytes | None:
    settings = upstreams.settings
    limit = settings.upload_bytes if is_upload(call.path) else settings.body_bytes
    body = body_of(call, limit, seconds)
    return body if body is None or not is_small(call) else await body.whole()


async def _pass_back(call: Call, connection: Connection, watch: Watch) -> None:
    headers = response_headers(connection.headers)
    if connection.status in _BODILESS:
        headers = [one for one in headers if one[0] != b"content-length"]
    if call.claims is not None and not any(name == b"cache-control" for name, _ in headers):
        headers.append(_NO_STORE)
    await call.start(connection.status, headers)
    while True:
        chunk = await connection.chunk()
        if connection.at_end:
            await call.write(chunk, more=False)
            return
        watch.moved(len(chunk))
        await call.write(chunk, more=True)


async def _whole(connection: Connection, limit: int) -> bytes | None:
    body = b""
    while chunk := await connection.chunk():
        body += chunk
        if len(body) > limit:
            return None
    return body


async def _ask(
    call: Call, upstreams: Upstreams, service: str, body: Body | bytes | None, seconds: float
) -> tuple[Pool, Connection]:
    """The connection that holds the answer's status and headers, and the pool it belongs to."""
    framing = framing_of(body)
    head = request_head(call, upstreams.forwarded(call.address), framing, seconds)
    try:
        try:
            return await _exchange(call, upstreams.addresses[service], head, body, fresh=False)
        except Broken as error:
            if not _may_repeat(call, body, error):
                raise
        await asyncio.sleep(_RETRY_AFTER_SECONDS)
        return await _exchange(call, upstreams.addresses[service], head, body, fresh=True)
    except (Broken, NeverSent) as error:
        raise _named(service, call.method, error) from error


def _may_repeat(call: Call, body: Body | bytes | None, error: Broken) -> bool:
    """Once, and only what changes nothing, or what the service itself will not do twice."""
    if isinstance(error, NotHttp) or not _is_repeatable(call, body):
        return False
    return call.method in _SAFE or error.untouched


def _is_repeatable(call: Call, body: Body | bytes | None) -> bool:
    if call.method in _SAFE:
        return body is None
    return not isinstance(body, Body) and b"idempotency-key" in call.headers


async def _exchange(
    call: Call, addresses: Addresses, head: bytes, body: Body | bytes | None, *, fresh: bool
) -> tuple[Pool, Connection]:
    """One try at the addresses in turn; the next one is asked only if nothing was sent."""
    refused: NeverSent | None = None
    for pool in addresses.in_turn():
        connection = None if fresh else pool.kept(surely=not _is_repeatable(call, body))
        try:
            connection = connection or await pool.connect()
        except NeverSent as error:
            refused = error
            continue
        try:
            connection.begin(
                head, body if isinstance(body, bytes) else b"", head_only=call.method == "HEAD"
            )
            if isinstance(body, Body):
                await _send(connection, body)
            await connection.head()
        except BaseException:
            connection.close()
            raise
        return pool, connection
    raise refused or NeverSent("no address")


async def _send(connection: Connection, body: Body) -> None:
    """Stream the body; a service may answer before it has all of it, then the rest is not sent.

    Raises Ambiguous when it ends before its length: on this connection the service would take the
    next request for the rest.
    """
    chunked = body.announced is None
    try:
        async for chunk in body.chunks():
            if connection.headed:
                connection.keeps = False
                return
            await connection.send(b"%x\r\n%b\r\n" % (len(chunk), chunk) if chunked else chunk)
        if chunked:
            await connection.send(b"0\r\n\r\n")
        elif body.read != body.announced:
            raise Ambiguous
    except Broken:
        if not connection.headed:
            raise


def _named(service: str, method: str, error: Broken | NeverSent) -> Exception:
    if isinstance(error, NotHttp):
        FAILURES.labels(service, "broken").inc()
        return UpstreamBroken()
    FAILURES.labels(service, "away").inc()
    if isinstance(error, NeverSent) or method in _SAFE:
        return UpstreamAway(retry_after=2)
    return OutcomeUnknown(retry_after=2)


def _note_broken(service: str, error: Exception) -> None:
    """The answer has begun, so all that is left is to break it off; the client sees it cut."""
    FAILURES.labels(service, "broken").inc()
    log.warning("answer_broken", service=service, kind=type(error).__name__)
    raise ClientGone from error
