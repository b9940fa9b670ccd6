"""NATS JetStream: the connection, one stream per producing service, durable pull consumers."""

from collections.abc import Sequence

import nats
from nats.aio.client import Client
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig, StreamConfig
from nats.js.errors import BadRequestError, NotFoundError

from chassis.events import stream_of

DUPLICATE_WINDOW_SECONDS = 600
ACK_WAIT_SECONDS = 30


async def connect(url: str, *, name: str) -> Client:
    """A connection that keeps trying for ever; JetStream calls fail until it is there."""
    return await nats.connect(
        url,
        name=name,
        max_reconnect_attempts=-1,
        reconnect_time_wait=0.5,
        connect_timeout=5,
        error_cb=quiet,
    )


async def ensure_stream(js: JetStreamContext, service: str) -> None:
    """Create or update the stream that `service` alone writes."""
    config = StreamConfig(
        name=stream_of(service),
        subjects=[f"onenet.{service}.>"],
        duplicate_window=DUPLICATE_WINDOW_SECONDS,
    )
    try:
        await js.stream_info(stream_of(service))
    except NotFoundError:
        try:
            await js.add_stream(config)
        except BadRequestError:
            # Another process created it in the same moment with the same configuration.
            await js.stream_info(stream_of(service))


async def ensure_consumer(
    js: JetStreamContext, *, stream: str, durable: str, subjects: Sequence[str]
) -> None:
    """Create or update a durable; `pull_subscribe` would ignore changes to an existing one."""
    await js.add_consumer(
        stream,
        ConsumerConfig(
            durable_name=durable,
            filter_subjects=sorted(subjects),
            ack_policy=AckPolicy.EXPLICIT,
            ack_wait=ACK_WAIT_SECONDS,
            max_deliver=-1,
            max_ack_pending=256,
        ),
    )


async def quiet(_: Exception) -> None:
    """Reconnecting is the client's business; readiness and the backlog metric tell operators."""
