"""Public reads out of the store; one request at a time fetches what is missing."""

import asyncio
import time
from dataclasses import dataclass, field, replace

from prometheus_client import Counter

from gateway.cache.freshness import is_held, keep_seconds, outward
from gateway.cache.store import MAX_ENTRY_BYTES, Kept, Key, Store, as_text
from gateway.call import Call
from gateway.proxy.forwarding import Answer, Upstreams, fetch, forward

PUBLIC = ("/api/v1/items", "/api/v1/lists", "/api/v1/orgs/regions", "/.well-known/")
WITHOUT_EVENTS_SECONDS = 1.0
CACHED = Counter("onenet_gateway_cache", "Public reads by where the answer came from", ["outcome"])
_HIT, _REVALIDATED = CACHED.labels("hit"), CACHED.labels("revalidated")
_MISS, _PASSED = CACHED.labels("miss"), CACHED.labels("passed")
# The fetch is anonymous and plain, so that what is kept is everybody's.
_NOT_ASKED_WITH = (
    b"authorization",
    b"cookie",
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
    """`listening` tells whether events reach us; without them answers live a second at most."""

    store: Store
    listening: bool = False
    unsettled_until: float = 0.0
    fetching: dict[Flight, asyncio.Task[Answer]] = field(default_factory=dict)


def is_public(call: Call) -> bool:
    return call.path.startswith(PUBLIC) and call.method in {"GET", "HEAD"}


async def serve(call: Call, cache: Cache, upstreams: Upstreams, service: str) -> None:
    """Answer from the store, else fetch; requests that wait for the same thing share one fetch."""
    key = (call.raw_path, call.query, call.language, call.headers.get(b"accept", b"*/*"))
    kept = find_kept(cache, key)
    if kept is not None and call.headers.get(b"cache-control") != b"no-cache":
        note_hit()
        await _give(call, kept, age=int(time.monotonic() - kept.stored_at))
        return
    epoch, moment, stale = cache.store.epoch(service), time.monotonic(), cache.store.stale(key)
    answer = await _fetched(call, cache, upstreams, service, (key, epoch), stale)
    if answer.status == 304 and stale is not None:  # noqa: PLR2004 - Not Modified
        _REVALIDATED.inc()
        kept = replace(stale, epoch=epoch, stored_at=moment)
    elif answer.body is not None and (seconds := keep_seconds(answer.status, answer.headers)):
        _MISS.inc()
        kept = _kept(answer, answer.body, service, epoch, moment, seconds)
    else:
        _PASSED.inc()
        await _pass_on(call, upstreams, service, answer)
        return
    cache.store.put(key, kept)
    await _give(call, kept, age=0)


def note_hit() -> None:
    _HIT.inc()


def find_kept(cache: Cache, key: Key) -> Kept | None:
    """What may be given now without asking the service."""
    longest = float("inf") if cache.listening else WITHOUT_EVENTS_SECONDS
    return cache.store.find(key, time.monotonic(), longest)


async def _fetched(
    call: Call, cache: Cache, upstreams: Upstreams, service: str, flight: Flight, stale: Kept | None
) -> Answer:
    """The shared fetch. Its key holds the epoch: who comes after a change never joins it."""
    task = cache.fetching.get(flight)
    if task is None:
        asked = call.asking(call.path, call.query, *_NOT_ASKED_WITH)
        asked.raw_path = call.raw_path
        if stale is not None and stale.etag:
            asked.scope["headers"].append((b"if-none-match", stale.etag))
        # A task of its own: the client that came first may leave, the others still wait.
        task = asyncio.create_task(fetch(asked, upstreams, service, MAX_ENTRY_BYTES))
        cache.fetching[flight] = task
        task.add_done_callback(lambda done: _landed(cache, flight, done))
    return await asyncio.shield(task)


def _landed(cache: Cache, flight: Flight, task: asyncio.Task[Answer]) -> None:
    cache.fetching.pop(flight, None)
    if not task.cancelled():
        task.exception()  # seen by whoever waits; nobody may be left


def _kept(
    answer: Answer, body: bytes, service: str, epoch: int, moment: float, seconds: float
) -> Kept:
    plain = [one for one in outward(answer.headers) if one[0] not in {b"content-length", b"age"}]
    headers = [*plain, (b"content-length", str(len(body)).encode())]
    unchanged = [one for one in plain if one[0] not in {b"content-type", b"last-modified"}]
    return Kept(
        headers=headers,
        unchanged=unchanged,
        text=as_text(headers),
        unchanged_text=as_text(unchanged),
        body=body,
        etag=dict(answer.headers).get(b"etag"),
        service=service,
        epoch=epoch,
        stored_at=moment,
        max_age=seconds,
    )


async def _pass_on(call: Call, upstreams: Upstreams, service: str, answer: Answer) -> None:
    """Not to be kept: whoever asked anonymously gets it, others ask for themselves."""
    own = b"authorization" in call.headers or b"set-cookie" in dict(answer.headers)
    if answer.body is None or own or answer.status == 304:  # noqa: PLR2004 - Not Modified
        await forward(call, upstreams, service)
        return
    headers = [one for one in outward(answer.headers) if one[0] != b"content-length"]
    held, etag = call.headers.get(b"if-none-match"), dict(headers).get(b"etag")
    # The service was asked without it, so that everybody who waited could have the answer.
    if answer.status == 200 and held and etag and is_held(held, etag):  # noqa: PLR2004 - OK
        await call.start(304, [one for one in headers if one[0] != b"content-type"])
        await call.write(b"", more=False)
        return
    framing = (b"content-length", str(len(answer.body)).encode())
    await call.start(answer.status, [*headers, framing])
    await call.write(b"" if call.method == "HEAD" else answer.body, more=False)


async def _give(call: Call, kept: Kept, *, age: int) -> None:
    told = (b"age", b"%d" % age)
    held = call.headers.get(b"if-none-match")
    if held is not None and kept.etag and is_held(held, kept.etag):
        await call.start(304, [*kept.unchanged, told])
        await call.write(b"", more=False)
        return
    await call.start(200, [*kept.headers, told])
    await call.write(b"" if call.method == "HEAD" else kept.body, more=False)
