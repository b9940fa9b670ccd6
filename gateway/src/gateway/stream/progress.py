"""Server-sent events for one case: that something happened and when, nothing personal.

A client that was away sends `Last-Event-ID`; what it missed comes out of JetStream first. When the
bus goes away, the stream ends: the client comes back with its last id and misses nothing.
"""

import asyncio
import json
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from uuid import UUID

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.js.api import ConsumerConfig, DeliverPolicy
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from chassis.errors import NotFound, Unauthenticated
from chassis.events import stream_of
from chassis.problems import MethodNotAllowed
from gateway.context import context_of
from gateway.errors import Overloaded, UpstreamUnavailable
from gateway.operations import as_it_is
from gateway.proxy.upstreams import Upstreams
from gateway.round_trip import round_trip
from gateway.telemetry import STREAM

PATH = "/api/v1/cases/{case_id}/stream"
HEARTBEAT_SECONDS = 15.0
ANSWER_SECONDS = 2
QUEUED_MESSAGES = 256
MAX_ANSWER_BYTES = 64 * 1024
_HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
_OK = 200


class Messages:
    """What waits to be sent; closed when the client reads too slowly, and when we stop."""

    def __init__(self) -> None:
        self._queue: asyncio.Queue[Msg | None] = asyncio.Queue(QUEUED_MESSAGES)
        self.closed = False

    async def add(self, message: Msg) -> None:
        try:
            self._queue.put_nowait(message)
        except asyncio.QueueFull:
            self.closed = True

    async def add_past(self, message: Msg) -> None:
        """The past can wait until the client has read."""
        await self._queue.put(message)

    def close(self) -> None:
        self.closed = True
        with suppress(asyncio.QueueFull):
            self._queue.put_nowait(None)  # wakes the reader

    async def next(self, seconds: float) -> Msg | None:
        """None when nothing came within that time."""
        try:
            async with asyncio.timeout(seconds):
                return await self._queue.get()
        except TimeoutError:
            return None


@dataclass
class Streams:
    """The live streams; the endpoint itself is an ASGI application, for it answers GET alone."""

    upstreams: Upstreams
    bus: Client
    limit: int
    limit_per_client: int
    heartbeat_seconds: float = HEARTBEAT_SECONDS
    open: Counter[str] = field(default_factory=Counter)
    messages: set[Messages] = field(default_factory=set)
    stopping: bool = False

    def stop(self) -> None:
        self.stopping = True
        for messages in self.messages:
            messages.close()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Stream until the client leaves or its token expires; only who may see the case may."""
        context = context_of(scope)
        context.route = STREAM
        if context.method != "GET":
            raise MethodNotAllowed(allowed="GET")
        if context.claims is None:
            raise Unauthenticated
        try:
            # Anything but a UUID could be a pattern to the bus.
            case_id = str(UUID(scope["path_params"]["case_id"]))
        except ValueError:
            raise NotFound from None
        async with self.place(str(context.claims["sub"])) as messages:
            # Not the case, but its clock: it shows nothing personal and leaves no footprint.
            clock = context.derive_get(f"/api/v1/cases/{case_id}/clock", b"", b"if-none-match")
            answer = await self.upstreams.fetch(clock, "case", MAX_ANSWER_BYTES)
            if answer.status != _OK:
                await as_it_is(answer)(scope, receive, send)
                return
            header = context.fields.get(b"last-event-id", b"")
            last = int(header) if header.isdigit() and len(header) < 16 else None  # noqa: PLR2004
            async with self.subscribed(case_id, messages, last):
                events = self.events(messages, last or 0, float(context.claims["exp"]))
                response = StreamingResponse(
                    events, media_type="text/event-stream", headers=_HEADERS
                )
                await response(scope, receive, send)

    @asynccontextmanager
    async def place(self, client: str) -> AsyncIterator[Messages]:
        full = self.open.total() >= self.limit or self.open[client] >= self.limit_per_client
        if full or self.stopping:
            raise Overloaded(retry_after=10)
        self.open[client] += 1
        messages = Messages()
        self.messages.add(messages)
        try:
            yield messages
        finally:
            self.messages.discard(messages)
            self.open[client] -= 1
            if not self.open[client]:
                del self.open[client]

    @asynccontextmanager
    async def subscribed(
        self, case_id: str, messages: Messages, last: int | None
    ) -> AsyncIterator[None]:
        """News only; a client that was away gets all there is, less what it has already."""
        subject = f"onenet.case.*.v1.{case_id}"
        if not self.bus.is_connected:
            raise UpstreamUnavailable(retry_after=3)
        try:
            if last is None:
                subscription = await self.bus.subscribe(subject, cb=messages.add)
                # From `open` on nothing is missed, so the server has to have it by then.
                await round_trip(self.bus, ANSWER_SECONDS)
            else:
                subscription = await self.bus.jetstream().subscribe(
                    subject,
                    stream=stream_of("case"),
                    cb=messages.add_past,
                    ordered_consumer=True,
                    config=ConsumerConfig(deliver_policy=DeliverPolicy.ALL),
                )
        except (NatsError, TimeoutError, OSError) as error:
            raise UpstreamUnavailable(retry_after=3) from error
        try:
            yield
        finally:
            with suppress(NatsError, OSError):
                await subscription.unsubscribe()

    async def events(self, messages: Messages, sent: int, expires: float) -> AsyncIterator[str]:
        yield "retry: 3000\nevent: open\ndata: {}\n\n"
        while self.bus.is_connected and not messages.closed:
            left = expires - time.time()
            if left <= 0:
                return
            message = await messages.next(min(self.heartbeat_seconds, left))
            if message is None:
                if not messages.closed and time.time() < expires:
                    yield ": still here\n\n"
                continue
            envelope = json.loads(message.data)
            sequence = int(envelope["sequence"])
            if sequence > sent:
                sent = sequence
                data = json.dumps({name: envelope[name] for name in ("type", "time", "sequence")})
                yield f"id: {sequence}\nevent: {envelope['type']}\ndata: {data}\n\n"
