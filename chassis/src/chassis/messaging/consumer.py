"""Events get their effect exactly once: a durable pull consumer, and an inbox beside the effect.

The inbox row commits with the effect, so a redelivery does nothing. A failing handler is retried
with growing delay, then parked as a dead letter that an operator can re-drive.
"""

import asyncio
import contextlib
import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
import structlog
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.js import JetStreamContext
from nats.js.api import ConsumerInfo
from opentelemetry.trace import SpanKind
from pydantic import BaseModel, ValidationError
from pydantic_core import from_json
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis import clock, telemetry
from chassis.database.leadership import leading
from chassis.database.sessions import WriteSession, transaction
from chassis.database.tables import inbox_event
from chassis.events import service_of, stream_of
from chassis.messaging import dead_letters
from chassis.messaging.bus import ensure_consumer, fetch, pulling
from chassis.process import Process
from chassis.subscriptions import Later, Reactions, Received, subjects_of

# What a database or a bus that is away looks like; it passes by itself.
OUTAGES = (SQLAlchemyError, asyncpg.InterfaceError, asyncpg.InternalClientError, NatsError, OSError)
RETRY_SECONDS = (0.2, 0.5, 1, 2, 5, 10, 20, 40)
LATER_DELIVERIES = 40
REBUILD_POLL_SECONDS = 1

log = structlog.get_logger()


class Unreadable(Exception):
    """The message is not an event this service can read; retrying cannot help."""


@dataclass(frozen=True)
class Consumer:
    """`reactions` are for new events, `repeated` for those that had their effect already."""

    process: Process
    reactions: Reactions
    repeated: Reactions = field(default_factory=dict)
    connection: AsyncConnection | None = None


async def consume(process: Process, nc: Client, producer: str, reactions: Reactions) -> None:
    """Consume one producer's stream until cancelled; one process at a time, for the order."""
    js, stream = nc.jetstream(), stream_of(producer)
    while True:
        try:
            async with leading(process, f"consumer of {producer}") as connection:
                if connection is not None:
                    # Until the producer has made its stream this fails, and is tried again.
                    await ensure_consumer(
                        js,
                        stream=stream,
                        durable=process.service,
                        subjects=subjects_of(reactions, producer),
                    )
                    consumer = Consumer(process, reactions, connection=connection)
                    async with pulling(js, stream, process.service) as pull:
                        while True:
                            pending = await _take_batch(consumer, pull)
                            telemetry.PENDING.labels(process.service, producer).set(pending)
        except OUTAGES as error:
            log.warning("consumer_waits", producer=producer, kind=type(error).__name__)
        await asyncio.sleep(1)


async def rebuild(
    process: Process, nc: Client, producer: str, reactions: Reactions, repeated: Reactions
) -> None:
    """Read a producer's stream once more whenever an operator asked for it, until cancelled.

    The request is a second durable, so it outlives the process and shows how far it has come.
    """
    js, stream, durable = nc.jetstream(), stream_of(producer), rebuild_durable(process.service)
    while True:
        await asyncio.sleep(REBUILD_POLL_SECONDS)
        with contextlib.suppress(*OUTAGES):
            await js.consumer_info(stream, durable)  # raises NotFoundError where none is asked for
            async with leading(process, f"rebuild from {producer}") as connection:
                if connection is not None:
                    consumer = Consumer(process, reactions, repeated, connection)
                    async with pulling(js, stream, durable) as pull:
                        while unsettled(await js.consumer_info(stream, durable)):
                            await _take_batch(consumer, pull)
                    await js.delete_consumer(stream, durable)


def rebuild_durable(service: str) -> str:
    return f"{service}-rebuild"


def unsettled(durable: ConsumerInfo) -> int:
    """How many messages a durable has not settled yet."""
    return (durable.num_pending or 0) + (durable.num_ack_pending or 0)


async def _take_batch(consumer: Consumer, pull: JetStreamContext.PullSubscription) -> int:
    """Give the messages that are there their effects; returns how many are known to wait."""
    messages = await fetch(pull)
    if not messages:
        return 0
    try:
        await apply_batch(consumer, [message.data for message in messages])
    except Exception:  # noqa: BLE001 - one of them fails; alone, the others need not
        for message in messages:
            await _take_one(consumer, message)
    else:
        for message in messages:
            await message.ack()
    finally:
        for message in messages:  # a consumer that stops lets the next one have them at once
            if not message.is_acked:
                await message.nak()
    return messages[-1].metadata.num_pending or 0


async def _take_one(consumer: Consumer, message: Msg) -> None:
    process, deliveries = consumer.process, message.metadata.num_delivered or 1
    delay = RETRY_SECONDS[min(deliveries, len(RETRY_SECONDS)) - 1]
    try:
        await apply_batch(consumer, [message.data])
    except Later as later:
        if deliveries < LATER_DELIVERIES:
            await message.nak(delay=delay)
        else:
            await dead_letters.park(process, message, f"later: {later}", deliveries)
    except Unreadable as error:
        await dead_letters.park(process, message, f"unreadable: {error}", deliveries)
    except Exception as error:  # a handler may fail in any way; none may stop the consumer
        if consumer.connection is not None and consumer.connection.invalidated:
            # Not the event's fault; the consumer begins anew with another connection.
            raise ConnectionError("the database connection broke") from error
        log.warning(
            "handler_failed", subject=message.subject, deliveries=deliveries, exc_info=error
        )
        if deliveries < len(RETRY_SECONDS):
            await message.nak(delay=delay)
        else:
            reason = telemetry.without_values(f"{type(error).__name__}: {error}")
            await dead_letters.park(process, message, reason, deliveries)
    else:
        await message.ack()


async def apply(process: Process, content: bytes, reactions: Reactions) -> bool:
    """Give the event its effect, once; False when it had it before.

    Raises Unreadable, Later, or whatever the handler raises; then nothing is changed.
    """
    return (await apply_batch(Consumer(process, reactions), [content]))[0]


async def apply_batch(consumer: Consumer, contents: Sequence[bytes]) -> list[bool]:
    """Give several events their effects in one transaction, in order: all of them or none.

    Returns for each whether it was new.
    """
    process = consumer.process
    envelopes = [_read(content) for content in contents]
    async with transaction(process, consumer.connection) as session:
        new = await _enter_inbox(session, envelopes)
        pairs = zip(envelopes, new, strict=True)
        for (event_type, is_new), group in itertools.groupby(
            pairs, key=lambda pair: (pair[0]["type"], pair[1])
        ):
            handlers = (consumer.reactions if is_new else consumer.repeated).get(event_type, [])
            run = [envelope for envelope, _ in group]
            with contextlib.ExitStack() as spans:
                for envelope in run:
                    parent = envelope.get("traceparent")
                    span = telemetry.span(f"receive {event_type}", parent, SpanKind.CONSUMER)
                    spans.enter_context(span)
                for reaction in handlers:
                    events = [_received(process, envelope, reaction.model) for envelope in run]
                    await reaction.handle(session, events)
    moment = clock.now()
    for envelope in itertools.compress(envelopes, new):
        age = (moment - envelope["time"]).total_seconds()
        telemetry.DELAY.labels(process.service, envelope["type"]).observe(max(age, 0))
    return new


def _read(content: bytes) -> dict[str, Any]:
    try:
        envelope: dict[str, Any] = from_json(content)
        envelope["id"], envelope["sequence"] = UUID(envelope["id"]), int(envelope["sequence"])
        envelope["time"] = datetime.fromisoformat(envelope["time"])
        envelope["type"], envelope["data"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise Unreadable(f"{type(error).__name__}: {error}") from error
    return envelope


def _received(process: Process, envelope: dict[str, Any], model: type[BaseModel]) -> Received[Any]:
    try:
        content = model.model_validate(envelope["data"])
    except ValidationError as error:
        places = ["/".join(map(str, detail["loc"])) for detail in error.errors()]
        raise Unreadable(f"{envelope['type']}: {places}") from error
    box = envelope.get("sealed", {}).get(process.service)
    sender = service_of(envelope["type"])
    return Received(
        id=envelope["id"],
        type=envelope["type"],
        subject=envelope["subject"],
        time=envelope["time"],
        sequence=envelope["sequence"],
        data=content,
        sealed=process.vault.unseal(box, sender=sender) if box else None,
    )


async def _enter_inbox(session: WriteSession, envelopes: Sequence[dict[str, Any]]) -> list[bool]:
    """Enter the events into the inbox; of each, whether it was not there."""
    rows = {envelope["id"]: envelope["type"] for envelope in envelopes}
    statement = (
        insert(inbox_event)
        .values([{"event_id": event_id, "type": kind} for event_id, kind in rows.items()])
        .on_conflict_do_nothing()
        .returning(inbox_event.c.event_id)
    )
    entered = set((await session.scalars(statement)).all())
    new = []
    for envelope in envelopes:
        new.append(envelope["id"] in entered)
        entered.discard(envelope["id"])  # the same event may come twice in a batch
    return new
