"""Server-sent events for one case: that something happened and when, nothing personal.

A client that was away sends `Last-Event-ID`; what it missed comes out of JetStream first. When the
bus goes away, the stream ends: the client comes back with its last id and misses nothing.
"""

import asyncio
import json
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from uuid import UUID

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.errors import Error as NatsError
from nats.js.api import ConsumerConfig, DeliverPolicy

from chassis.errors import NotFound, Unauthenticated
from chassis.events import stream_of
from gateway.call import Call
from gateway.errors import MethodNotAllowed, Overloaded, UpstreamAway
from gateway.hearing import heard
from gateway.proxy.forwarding import Upstreams, fetch

HEARTBEAT_SECONDS = 15.0
QUEUED_NOTICES = 256
MAX_ANSWER_BYTES = 64 * 1024
_PREFIX, _SUFFIX = "/api/v1/cases/", "/stream"


@dataclass
class Streams:
    limit: int
    limit_per_client: int
    heartbeat_seconds: float = HEARTBEAT_SECONDS
    open: Counter[str] = field(default_factory=Counter)
    stopping: asyncio.Event = field(default_factory=asyncio.Event)

    def enter(self, client: str) -> None:
        full = self.open.total() >= self.limit or self.open[client] >= self.limit_per_client
        if full or self.stopping.is_set():
            raise Overloaded(retry_after=10)
        self.open[client] += 1

    def leave(self, client: str) -> None:
        self.open[client] -= 1
        if not self.open[client]:
            del self.open[client]


@dataclass
class Notices:
    """What waits to be sent; `lost` when the client reads too slowly to get everything."""

    waiting: asyncio.Queue[Msg] = field(default_factory=lambda: asyncio.Queue(QUEUED_NOTICES))
    lost: bool = False

    async def note(self, message: Msg) -> None:
        try:
            self.waiting.put_nowait(message)
        except asyncio.QueueFull:
            self.lost = True

    async def wait_and_note(self, message: Msg) -> None:
        """For the past, which can wait until the client has read."""
        await self.waiting.put(message)


def is_stream(path: str) -> bool:
    """Whether this is `/api/v1/cases/{case_id}/stream`."""
    middle = path.removeprefix(_PREFIX).removesuffix(_SUFFIX)
    return path.startswith(_PREFIX) and path.endswith(_SUFFIX) and "/" not in middle


async def serve(call: Call, streams: Streams, nc: Client, upstreams: Upstreams) -> None:
    """Stream until the client leaves or its token expires; only who may see the case gets it."""
    if call.method != "GET":
        raise MethodNotAllowed(allowed="GET")
    if call.claims is None:
        raise Unauthenticated
    case_id = _case_of(call.path)
    client = str(call.claims["sub"])
    streams.enter(client)
    try:
        if not await _may_see(call, upstreams, case_id):
            return
        if not nc.is_connected:
            raise UpstreamAway(retry_after=3)
        notices = Notices()
        subscription = await _subscribe(nc, case_id, notices, _last_event(call))
        try:
            await _stream(call, streams, nc, notices)
        finally:
            with suppress(NatsError, OSError):
                await subscription.unsubscribe()
    finally:
        streams.leave(client)


def _case_of(path: str) -> str:
    """The id out of the path; anything but a UUID could be a pattern to the bus."""
    try:
        return str(UUID(path.removeprefix(_PREFIX).removesuffix(_SUFFIX)))
    except ValueError:
        raise NotFound from None


async def _may_see(call: Call, upstreams: Upstreams, case_id: str) -> bool:
    """Ask the case service with the caller's own token; its refusal is passed on as it is.

    The clock is asked for, not the case: it shows nothing personal, so it leaves no footprint.
    """
    asked = call.asking(f"/api/v1/cases/{case_id}/clock", b"", b"if-none-match")
    answer = await fetch(asked, upstreams, "case", MAX_ANSWER_BYTES)
    if answer.status == 200:  # noqa: PLR2004 - OK
        return True
    await call.start(answer.status, answer.headers)
    await call.write(answer.body or b"", more=False)
    return False


async def _subscribe(nc: Client, case_id: str, notices: Notices, last: int | None) -> Subscription:
    """News only; for a client that was away, all there is, of which it gets what it has not."""
    subject = f"onenet.case.*.v1.{case_id}"
    try:
        if last is None:
            news = await nc.subscribe(subject, cb=notices.note)
            # From `open` on nothing is missed, so the server has to know by then.
            await heard(nc)
            return news
        return await nc.jetstream().subscribe(
            subject,
            stream=stream_of("case"),
            cb=notices.wait_and_note,
            ordered_consumer=True,
            config=ConsumerConfig(deliver_policy=DeliverPolicy.ALL),
        )
    except (NatsError, TimeoutError, OSError) as error:
        raise UpstreamAway(retry_after=3) from error


async def _stream(call: Call, streams: Streams, nc: Client, notices: Notices) -> None:
    headers = [
        (b"content-type", b"text/event-stream; charset=utf-8"),
        (b"cache-control", b"no-store"),
        (b"x-accel-buffering", b"no"),
    ]
    await call.start(200, headers)
    await call.write(b"retry: 3000\nevent: open\ndata: {}\n\n", more=True)
    gone = asyncio.create_task(_client_left(call))
    stopping = asyncio.create_task(streams.stopping.wait())
    try:
        await _send_notices(call, streams, nc, notices, (gone, stopping))
    finally:
        gone.cancel()
        stopping.cancel()
    await call.write(b"", more=False)


async def _send_notices(
    call: Call,
    streams: Streams,
    nc: Client,
    notices: Notices,
    ends: tuple[asyncio.Task[object], ...],
) -> None:
    sent = _last_event(call) or 0
    expires = float(call.claims["exp"]) if call.claims else 0.0
    while nc.is_connected and not notices.lost and not any(one.done() for one in ends):
        left = expires - time.time()
        if left <= 0:
            return
        coming = asyncio.create_task(notices.waiting.get())
        wait = min(streams.heartbeat_seconds, left)
        await asyncio.wait((coming, *ends), timeout=wait, return_when=asyncio.FIRST_COMPLETED)
        if coming.done():
            sent = await _send(call, coming.result(), sent)
            continue
        coming.cancel()
        if wait < left and not any(one.done() for one in ends):
            await call.write(b": still here\n\n", more=True)


async def _send(call: Call, message: Msg, sent: int) -> int:
    """Send one notice unless it was sent before; the sequence of the last one sent."""
    envelope = json.loads(message.data)
    sequence = int(envelope["sequence"])
    if sequence <= sent:
        return sent
    told = json.dumps({name: envelope[name] for name in ("type", "time", "sequence")})
    text = f"id: {sequence}\nevent: {envelope['type']}\ndata: {told}\n\n"
    await call.write(text.encode(), more=True)
    return sequence


def _last_event(call: Call) -> int | None:
    given = call.header(b"last-event-id")
    return int(given) if given.isascii() and given.isdigit() and len(given) < 16 else None  # noqa: PLR2004


async def _client_left(call: Call) -> None:
    while (await call.receive())["type"] != "http.disconnect":
        pass
