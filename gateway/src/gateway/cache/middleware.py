"""Public reads out of the store; one request at a time fetches what is missing."""

import asyncio
import time
from dataclasses import dataclass, field, replace

from prometheus_client import Counter
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.cache.freshness import is_held, keep_seconds, outward
from gateway.cache.store import MAX_ENTRY_BYTES, CacheEntry, Key, Store
from gateway.context import Headers, RequestContext, context_of
from gateway.proxy.routing import is_public, may_change, service_of
from gateway.proxy.upstreams import Answer, Upstreams

WITHOUT_EVENTS_SECONDS = 1.0
CACHED = Counter("onenet_gateway_cache", "Public reads by where the answer came from", ["outcome"])
_HIT, _REVALIDATED = CACHED.labels("hit"), CACHED.labels("revalidated")
_MISS, _PASSED = CACHED.labels("miss"), CACHED.labels("passed")
_OK, _NOT_MODIFIED = 200, 304
# The fetch is anonymous and plain, so that what is kept is everybody's.
_PERSONAL = (
    b"authorization",
    b"cookie",
    b"origin",
    b"range",
    b"accept-encoding",
    b"if-none-match",
    b"if-modified-since",
    b"cache-control",
    b"pragma",
)
Flight = tuple[Key, int]


@dataclass
class Cache:
    """`listening`: events reach us; without them an entry lives a second at most."""

    store: Store
    listening: bool = False
    unsettled_until: float = 0.0
    fetching: dict[Flight, asyncio.Task[Answer]] = field(default_factory=dict)

    def lookup(self, key: Key) -> CacheEntry | None:
        """What may be given now without asking the service."""
        longest = float("inf") if self.listening else WITHOUT_EVENTS_SECONDS
        return self.store.lookup(key, time.monotonic(), longest)


class PublicReads:
    """Middleware: answers public reads from the cache; a write ends what is kept of its service."""

    def __init__(self, app: ASGIApp, cache: Cache, upstreams: Upstreams) -> None:
        self.app = app
        self.cache = cache
        self.upstreams = upstreams

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        context = context_of(scope)
        service = service_of(context.path)
        if service is None:
            await self.app(scope, receive, send)
        elif is_public(context.method, context.path):
            context.route = service
            if not await self._answer(context, service, send):
                await self.app(scope, receive, send)
        elif may_change(context.method, context.path):
            await self._write(service, scope, receive, send)
        else:
            await self.app(scope, receive, send)

    async def _answer(self, context: RequestContext, service: str, send: Send) -> bool:
        """False when the answer is not for everybody; requests for one thing share one fetch."""
        accept = context.fields.get(b"accept", b"*/*")
        key = (context.raw_path, context.query, context.language, accept)
        entry = self.cache.lookup(key)
        if entry is not None and context.fields.get(b"cache-control") != b"no-cache":
            _HIT.inc()
            await _give(context, send, entry)
            return True
        store = self.cache.store
        epoch, moment, stale = store.epoch(service), time.monotonic(), store.stale(key)
        answer = await self._fetched(context, service, (key, epoch), stale)
        if answer.status == _NOT_MODIFIED and stale is not None:
            _REVALIDATED.inc()
            entry = replace(stale, epoch=epoch, stored_at=moment)
        elif answer.body is not None and (seconds := keep_seconds(answer.status, answer.headers)):
            _MISS.inc()
            entry = _entry(answer.headers, answer.body, service, epoch, moment, seconds)
        else:
            _PASSED.inc()
            return await _pass_on(context, send, answer, service)
        store.put(key, entry)
        await _give(context, send, entry)
        return True

    async def _fetched(
        self, context: RequestContext, service: str, flight: Flight, stale: CacheEntry | None
    ) -> Answer:
        """The shared fetch. Its key holds the epoch: who comes after a change never joins it."""
        fetching = self.cache.fetching
        task = fetching.get(flight)
        if task is None:
            plain = context.derive_get(
                context.path, context.query, *_PERSONAL, raw_path=context.raw_path
            )
            if stale is not None and stale.etag:
                plain.headers.append((b"if-none-match", stale.etag))

            def landed(done: asyncio.Task[Answer]) -> None:
                fetching.pop(flight, None)
                if not done.cancelled():
                    done.exception()  # seen by whoever waits; nobody may be left

            # A task of its own: the client that came first may leave, the others still wait.
            task = asyncio.create_task(self.upstreams.fetch(plain, service, MAX_ENTRY_BYTES))
            fetching[flight] = task
            task.add_done_callback(landed)
        return await asyncio.shield(task)

    async def _write(self, service: str, scope: Scope, receive: Receive, send: Send) -> None:
        """Invalidate before the client gets its answer.

        Only a 4xx is sure to have changed nothing; a lost answer may stand for a done write.
        """
        store = self.cache.store

        async def invalidating(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] // 100 != 4:  # noqa: PLR2004
                store.invalidate(service)
            await send(message)

        try:
            await self.app(scope, receive, invalidating)
        except BaseException:
            store.invalidate(service)
            raise


def _entry(
    headers: Headers, body: bytes, service: str, epoch: int, moment: float, seconds: float
) -> CacheEntry:
    plain = [header for header in outward(headers) if header[0] not in {b"content-length", b"age"}]
    return CacheEntry(
        headers=[*plain, (b"content-length", str(len(body)).encode())],
        unchanged=[h for h in plain if h[0] not in {b"content-type", b"last-modified"}],
        body=body,
        etag=dict(headers).get(b"etag"),
        service=service,
        epoch=epoch,
        stored_at=moment,
        max_age=seconds,
    )


async def _give(context: RequestContext, send: Send, entry: CacheEntry) -> None:
    age = (b"age", b"%d" % (time.monotonic() - entry.stored_at))
    held = context.fields.get(b"if-none-match")
    if held is not None and entry.etag and is_held(held, entry.etag):
        await _respond(send, _NOT_MODIFIED, [*entry.unchanged, age], b"")
    else:
        body = b"" if context.method == "HEAD" else entry.body
        await _respond(send, _OK, [*entry.headers, age], body)


async def _pass_on(context: RequestContext, send: Send, answer: Answer, service: str) -> bool:
    """Not to be kept: whoever asked anonymously gets it, others ask for themselves."""
    fields = dict(answer.headers)
    own = b"authorization" in context.fields or b"set-cookie" in fields
    if answer.body is None or own or answer.status == _NOT_MODIFIED:
        return False
    entry = _entry(answer.headers, answer.body, service, 0, time.monotonic(), 0)
    # The service was asked without `If-None-Match`, so that all who waited could have the answer.
    held = context.fields.get(b"if-none-match")
    if answer.status == _OK and held and entry.etag and is_held(held, entry.etag):
        await _respond(send, _NOT_MODIFIED, entry.unchanged, b"")
    else:
        body = b"" if context.method == "HEAD" else entry.body
        await _respond(send, answer.status, entry.headers, body)
    return True


async def _respond(send: Send, status: int, headers: Headers, body: bytes) -> None:
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
