"""The bus: connecting, the streams and durables on it, and reading from a durable."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Sequence

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig, ConsumerInfo, StreamConfig, StreamInfo
from nats.js.errors import NotFoundError

from chassis.events import stream_of

DUPLICATE_WINDOW_SECONDS = 600
ACK_WAIT_SECONDS = 30
MAX_HELD = 256
MAX_BATCH = 128
# How long one pull request stands. It is also how long a consumer takes to stop, because what
# arrives for a request that was abandoned would be delivered again only after `ACK_WAIT_SECONDS`.
PULL_SECONDS = 1.0
# A connection that is only half alive is noticed after three of these.
PING_SECONDS = 10


async def connect(url: str, *, name: str, bus: Client | None = None) -> Client:
    """Connect, and reconnect for ever afterwards; raises when NATS is not there now."""
    bus = bus or Client()
    await bus.connect(
        url,
        name=name,
        inbox_prefix=f"_INBOX_{name}",  # nobody else may listen to its answers
        max_reconnect_attempts=-1,
        reconnect_time_wait=1,
        connect_timeout=5,
        ping_interval=PING_SECONDS,
        error_cb=_ignore,
    )
    return bus


async def _ignore(_: Exception) -> None:
    """Reconnecting is the client's business; readiness and the backlog metric tell operators."""


async def round_trip(nc: Client, seconds: float) -> None:
    """Return once the server has done all that this client has asked of it; raises NatsError.

    A message of our own comes back behind it. `flush()` overtakes what still waits to be written,
    and when its answer is late, the client stops reading for good.
    """
    echo = await nc.subscribe(nc.new_inbox(), max_msgs=1)
    try:
        await nc.publish(echo.subject, b"")
        await echo.next_msg(seconds)
    finally:
        await echo.unsubscribe()


async def ensure_stream(
    js: JetStreamContext, service: str, *, replicas: int = 1, days: int = 366
) -> StreamInfo:
    """Create or update the stream that `service` alone writes."""
    config = StreamConfig(
        name=stream_of(service),
        subjects=[f"onenet.{service}.>"],
        duplicate_window=DUPLICATE_WINDOW_SECONDS,
        num_replicas=replicas,
        max_age=days * 86400,
    )
    try:
        stream = await js.stream_info(stream_of(service))
    except NotFoundError:
        return await js.add_stream(config)
    if (stream.config.num_replicas, stream.config.max_age) != (replicas, config.max_age):
        return await js.update_stream(config)
    return stream


async def ensure_consumer(
    js: JetStreamContext, *, stream: str, durable: str, subjects: Sequence[str]
) -> ConsumerInfo:
    """Create or update a durable; `pull_subscribe` would ignore changes to an existing one."""
    return await js.add_consumer(
        stream,
        ConsumerConfig(
            durable_name=durable,
            filter_subjects=sorted(subjects),
            ack_policy=AckPolicy.EXPLICIT,
            ack_wait=ACK_WAIT_SECONDS,
            max_deliver=-1,
            max_ack_pending=MAX_HELD,
        ),
    )


class Pull:
    """A standing pull request, renewed each second: messages arrive as they are published.

    The client's own `fetch()` waits for a whole batch or its timeout once a first message is
    there. This asks by the JetStream API itself (`CONSUMER.MSG.NEXT`).
    """

    def __init__(self, nc: Client, stream: str, durable: str) -> None:
        self.nc, self.inbox = nc, nc.new_inbox()
        self.subject = f"$JS.API.CONSUMER.MSG.NEXT.{stream}.{durable}"
        self.held: list[Msg] = []
        self.requested = 0
        self.ended = ""
        self.arrived = asyncio.Event()

    async def receive(self, message: Msg) -> None:
        """The subscription's callback: a message, or a status that ends a request."""
        status = (message.headers or {}).get("Status")
        if status is None:
            self.held.append(message)
            self.requested -= 1
        elif status in ("404", "408"):
            unused = (message.headers or {}).get("Nats-Pending-Messages", self.requested)
            self.requested -= int(unused)
        else:
            self.ended = (message.headers or {}).get("Description", status)
        self.arrived.set()

    async def batch(self) -> list[Msg]:
        """The messages that are there, none after a quiet second; raises when the server is silent."""
        if self.requested < MAX_HELD // 2:
            request = {"batch": MAX_HELD - self.requested, "expires": int(PULL_SECONDS * 10**9)}
            self.requested = MAX_HELD
            await self.nc.publish(self.subject, json.dumps(request).encode(), self.inbox)
        if not self.held:
            await self._next_arrival()
        if self.ended:
            raise NatsError(self.ended)
        return self.held[:MAX_BATCH]

    async def _next_arrival(self) -> None:
        self.arrived.clear()
        async with asyncio.timeout(PULL_SECONDS * 2.5):
            await self.arrived.wait()

    async def give_back(self) -> None:
        """Wait for the open requests to end, then let others have what is not finished."""
        with contextlib.suppress(NatsError, OSError, TimeoutError):
            while self.requested > 0 and not self.ended:
                await self._next_arrival()
            for message in self.held:
                if not message.is_acked:
                    await message.nak()


@contextlib.asynccontextmanager
async def pulling(nc: Client, stream: str, durable: str) -> AsyncIterator[Pull]:
    """Read from a durable; on the way out what was delivered and not finished is given back."""
    pull = Pull(nc, stream, durable)
    subscription = await nc.subscribe(pull.inbox, cb=pull.receive)
    try:
        yield pull
    finally:
        try:
            await pull.give_back()
        finally:
            await subscription.unsubscribe()
