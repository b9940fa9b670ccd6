"""The bus: connecting, the streams and durables on it, and fetching from a durable."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig, ConsumerInfo, StreamConfig, StreamInfo
from nats.js.errors import NotFoundError

from chassis.events import stream_of

DUPLICATE_WINDOW_SECONDS = 600
ACK_WAIT_SECONDS = 30
MAX_BATCH = 128
FETCH_SECONDS = 5
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
            max_ack_pending=2 * MAX_BATCH,
        ),
    )


@asynccontextmanager
async def pulling(
    js: JetStreamContext, stream: str, durable: str
) -> AsyncIterator[JetStreamContext.PullSubscription]:
    """Pull from a durable; on the way out the bus forgets the request that still stands."""
    pull = await js.pull_subscribe_bind(durable, stream)
    try:
        yield pull
    finally:
        await pull.unsubscribe()


async def fetch(pull: JetStreamContext.PullSubscription) -> list[Msg]:
    """The messages that are there, waiting for a first one; none after a quiet while.

    The client's `fetch()` waits for a whole batch or its timeout. So it is asked for one message,
    and for as many more as that message says are pending.
    """
    try:
        first = (await pull.fetch(1, timeout=FETCH_SECONDS))[0]
    except TimeoutError:
        return []
    pending = min(first.metadata.num_pending or 0, MAX_BATCH - 1)
    return [first, *(await pull.fetch(pending, timeout=FETCH_SECONDS) if pending else [])]
