"""Public reads out of the store; one request at a time fetches what is missing."""

import asyncio
import re
import time
from dataclasses import dataclass, field, replace

from prometheus_client import Counter

from gateway.cache.store import MAX_ENTRY_BYTES, Kept, Store
from gateway.call import Call
from gateway.proxy.forwarding import Upstreams, opened
from gateway.proxy.hygiene import response_headers

PUBLIC = ("/api/v1/items", "/api/v1/lists", "/api/v1/orgs/regions", "/.well-known/")
WITHOUT_EVENTS_SECONDS = 1.0
HITS = Counter("onenet_gateway_cache", "Public reads by where the answer came from", ["outcome"])
_SHARED = re.compile(rb",?\s*s-maxage=(\d+)")


@dataclass
class Cache:
    """`listening` tells whether events reach us; without them answers live a second at most."""

    store: Store
    listening: bool = False
    fetching: dict[tuple[str, ...], asyncio.Event] = field(default_factory=dict)


def is_public(call: Call) -> bool:
    return call.method in {"GET", "HEAD"} and call.path.startswith(PUBLIC)


async def serve(call: Call, cache: Cache, upstreams: Upstreams, service: str) -> None:
    """Answer from the store, else fetch; waiting requests share one fetch."""
    key = (call.raw_path.decode("latin-1"), call.query.decode("latin-1"), call.language)
    kept = _find(cache, key)
    if kept is None and (running := cache.fetching.get(key)) is not None:
        await running.wait()
        kept = _find(cache, key)
    if kept is not None:
        HITS.labels("hit").inc()
        await _give(call, kept, age=time.monotonic() - kept.stored_at)
        return
    HITS.labels("miss").inc()
    done = cache.fetching.setdefault(key, asyncio.Event())
    try:
        await _fetch(call, cache, upstreams, service, key)
    finally:
        done.set()
        cache.fetching.pop(key, None)


def _find(cache: Cache, key: tuple[str, ...]) -> Kept | None:
    longest = float("inf") if cache.listening else WITHOUT_EVENTS_SECONDS
    return cache.store.find(key, time.monotonic(), longest)


async def _fetch(
    call: Call, cache: Cache, upstreams: Upstreams, service: str, key: tuple[str, ...]
) -> None:
    # The epoch is read before the request leaves: a change while it is under way ends the answer.
    epoch, moment = cache.store.epoch(service), time.monotonic()
    asked = replace(call, method="GET").without("if-none-match", "authorization")
    async with upstreams.place(service), opened(asked, upstreams, service) as response:
        raw = response_headers(list(response.raw_headers))
        shared = _shared_seconds(dict(raw).get(b"cache-control", b""))
        headers = [(n, _SHARED.sub(b"", v) if n == b"cache-control" else v) for n, v in raw]
        body = await response.content.read(MAX_ENTRY_BYTES + 1)
        if len(body) > MAX_ENTRY_BYTES:
            await _stream(call, response.status, headers, body, response.content)
            return
        known = dict(headers)
        kept = Kept(
            status=response.status,
            headers=headers,
            body=body,
            etag=known.get(b"etag"),
            service=service,
            epoch=epoch,
            stored_at=moment,
            max_age=shared,
        )
    if kept.status == 200 and kept.max_age > 0:  # noqa: PLR2004 - OK
        cache.store.put(key, kept)
    await _give(call, kept, age=0)


def _shared_seconds(cache_control: bytes) -> float:
    """How long the service lets a shared cache that hears its events keep the answer."""
    found = _SHARED.search(cache_control)
    return float(found[1]) if found else 0.0


async def _give(call: Call, kept: Kept, *, age: float) -> None:
    headers = [(n, v) for n, v in kept.headers if n not in {b"content-length", b"age"}]
    headers.append((b"age", str(int(age)).encode()))
    held = {
        part.strip().removeprefix("W/") for part in call.headers.get("if-none-match", "").split(",")
    }
    if kept.status == 200 and kept.etag and held & {kept.etag.decode("latin-1"), "*"}:  # noqa: PLR2004 - OK
        unframed = [(n, v) for n, v in headers if n != b"content-type"]
        await call.start(304, unframed)
        await call.send({"type": "http.response.body", "body": b""})
        return
    await call.start(kept.status, [*headers, (b"content-length", str(len(kept.body)).encode())])
    body = b"" if call.method == "HEAD" else kept.body
    await call.send({"type": "http.response.body", "body": body})


async def _stream(call: Call, status: int, headers: object, first: bytes, rest: object) -> None:
    await call.start(status, headers)  # type: ignore[arg-type]  # headers as response_headers gave them
    await call.send({"type": "http.response.body", "body": first, "more_body": True})
    async for chunk in rest.iter_any():  # type: ignore[attr-defined]  # an aiohttp stream
        await call.send({"type": "http.response.body", "body": chunk, "more_body": True})
    await call.send({"type": "http.response.body", "body": b""})
