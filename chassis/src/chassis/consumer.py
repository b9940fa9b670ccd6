"""The bus and its readers: streams, durable pull consumers, an inbox, dead letters.

An event's effect and its inbox row commit together, so a redelivery does nothing. A failing
handler is retried with growing delay, then parked as a dead letter an operator can re-drive.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, TypeVar
from uuid import UUID

import nats
import structlog
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig, StreamConfig
from nats.js.errors import NotFoundError
from opentelemetry import context as otel
from opentelemetry import propagate
from pydantic import BaseModel, ValidationError
from sqlalchemy import insert
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

from chassis import clock, telemetry
from chassis.db import transaction
from chassis.events import service_of, stream_of
from chassis.settings import Context
from chassis.tables import dead_letter, inbox_event

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


async def ensure_stream(js: JetStreamContext, service: str, *, replicas: int = 1) -> None:
    """Create or update the stream that `service` alone writes."""
    config = StreamConfig(
        name=stream_of(service),
        subjects=[f"onenet.{service}.>"],
        duplicate_window=DUPLICATE_WINDOW_SECONDS,
        num_replicas=replicas,
    )
    try:
        found = await js.stream_info(stream_of(service))
    except NotFoundError:
        await js.add_stream(config)
        return
    if found.config.num_replicas != replicas:
        await js.update_stream(config)


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


DELAYS_SECONDS = (0.2, 0.5, 1, 2, 5, 10, 20, 40)
LATER_DELIVERIES = 40
FETCH = 64
FETCH_SECONDS = 5

log = structlog.get_logger()
T = TypeVar("T", bound=BaseModel)


class Later(Exception):
    """The handler cannot act yet, for instance because what it needs has not arrived."""


class Unreadable(Exception):
    """The message is not an event this service can read; retrying cannot help."""


@dataclass(frozen=True)
class Received(Generic[T]):
    """An event as a handler gets it; `sealed` is what was encrypted for this service."""

    id: UUID
    type: str
    subject: str
    time: datetime
    sequence: int
    data: T
    sealed: dict[str, Any] | None


Handler = Callable[[AsyncSession, Received[Any]], Awaitable[None]]


@dataclass
class Subscriptions:
    """A room's reactions: event type → (reading model, handler)."""

    reactions: dict[str, list[tuple[type[BaseModel], Handler]]] = field(default_factory=dict)

    def on(self, event_type: str, model: type[T]) -> Callable[[Handler], Handler]:
        def register(handler: Handler) -> Handler:
            self.reactions.setdefault(event_type, []).append((model, handler))
            return handler

        return register


Reactions = dict[str, list[tuple[type[BaseModel], Handler]]]


def merged(subscriptions: Sequence[Subscriptions]) -> Reactions:
    found: Reactions = {}
    for one in subscriptions:
        for event_type, pairs in one.reactions.items():
            found.setdefault(event_type, []).extend(pairs)
    return found


def producers(reactions: Reactions) -> list[str]:
    """The services whose streams these reactions read."""
    return sorted({service_of(event_type) for event_type in reactions})


async def run(here: Context, js: JetStreamContext, producer: str, reactions: Reactions) -> None:
    """Consume one producer's stream until cancelled."""
    subjects = [f"onenet.{name}.*" for name in reactions if service_of(name) == producer]
    while True:
        try:
            # Until the producer has made its stream this fails, and is tried again.
            await ensure_consumer(
                js, stream=stream_of(producer), durable=here.service, subjects=subjects
            )
            subscription = await js.pull_subscribe_bind(
                consumer=here.service, stream=stream_of(producer)
            )
            while True:
                await _fetch(here, subscription, reactions)
        except (NatsError, OSError, TimeoutError) as error:
            log.warning("consumer_waits", producer=producer, kind=type(error).__name__)
            await asyncio.sleep(1)


async def _fetch(
    here: Context, subscription: JetStreamContext.PullSubscription, reactions: Reactions
) -> None:
    try:
        messages = await subscription.fetch(FETCH, timeout=FETCH_SECONDS)
    except TimeoutError:
        return
    try:
        await apply_all(here, [message.data for message in messages], reactions)
    except Exception:  # noqa: BLE001 - one of them fails; alone, the others need not
        for message in messages:
            await _receive(here, message, reactions)
    else:
        for message in messages:
            await message.ack()


async def _receive(here: Context, message: Msg, reactions: Reactions) -> None:
    deliveries = message.metadata.num_delivered or 1
    try:
        await apply(here, message.data, reactions)
    except Later as reason:
        if deliveries < LATER_DELIVERIES:
            await message.nak(delay=_delay(deliveries))
        else:
            await _park(here, message, f"later: {reason}", deliveries)
    except Unreadable as error:
        await _park(here, message, f"unreadable: {error}", deliveries)
    except Exception as error:  # a handler may fail in any way; none may stop the consumer
        log.warning(
            "handler_failed", subject=message.subject, deliveries=deliveries, exc_info=error
        )
        if deliveries < len(DELAYS_SECONDS):
            await message.nak(delay=_delay(deliveries))
        else:
            said = telemetry.without_values(f"{type(error).__name__}: {error}")
            await _park(here, message, said, deliveries)
    else:
        await message.ack()


def _delay(deliveries: int) -> float:
    return DELAYS_SECONDS[min(deliveries, len(DELAYS_SECONDS)) - 1]


async def apply(here: Context, content: bytes, reactions: Reactions) -> bool:
    """Give the event its effect, once; False when it had it before.

    Raises Unreadable, Later, or whatever the handler raises; then nothing is changed.
    """
    return (await apply_all(here, [content], reactions))[0]


async def apply_all(here: Context, contents: Sequence[bytes], reactions: Reactions) -> list[bool]:
    """Give several events their effects in one transaction, in order: all of them or none.

    A commit costs more than most handlers; sharing it is what keeps up with a busy producer.
    """
    envelopes = [_read(content) for content in contents]
    async with transaction(here) as session:
        effects = [await _apply(session, here, one, reactions) for one in envelopes]
    for envelope, effect in zip(envelopes, effects, strict=True):
        if effect:
            telemetry.observe_delay(here.service, envelope["type"], envelope["time"])
    return effects


async def _apply(
    session: AsyncSession, here: Context, envelope: dict[str, Any], reactions: Reactions
) -> bool:
    pairs = reactions.get(envelope["type"], [])
    received = [(handler, _received(here, envelope, model)) for model, handler in pairs]
    token = otel.attach(propagate.extract({"traceparent": envelope.get("traceparent", "")}))
    try:
        with telemetry.tracer().start_as_current_span(f"receive {envelope['type']}"):
            if not await _first_time(session, envelope):
                return False
            for handler, event in received:
                await handler(session, event)
            await session.flush()
            # The next event of the transaction must see rows, not what this one remembers.
            session.expunge_all()
    finally:
        otel.detach(token)
    return True


def _read(content: bytes) -> dict[str, Any]:
    try:
        envelope = json.loads(content)
        UUID(envelope["id"]), envelope["type"], envelope["data"]
        int(envelope["sequence"])
        datetime.fromisoformat(envelope["time"])
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise Unreadable(f"{type(error).__name__}: {error}") from error
    found: dict[str, Any] = envelope
    return found


def _received(here: Context, envelope: dict[str, Any], model: type[BaseModel]) -> Received[Any]:
    try:
        content = model.model_validate(envelope["data"])
    except ValidationError as error:
        places = ["/".join(map(str, one["loc"])) for one in error.errors()]
        raise Unreadable(f"{envelope['type']}: {places}") from error
    box = envelope.get("sealed", {}).get(here.service)
    return Received(
        id=UUID(envelope["id"]),
        type=envelope["type"],
        subject=envelope["subject"],
        time=datetime.fromisoformat(envelope["time"]),
        sequence=int(envelope["sequence"]),
        data=content,
        sealed=here.vault.unseal(box, sender=service_of(envelope["type"])) if box else None,
    )


async def _first_time(session: AsyncSession, envelope: dict[str, Any]) -> bool:
    statement = (
        upsert(inbox_event)
        .values(event_id=UUID(envelope["id"]), type=envelope["type"])
        .on_conflict_do_nothing()
        .returning(inbox_event.c.event_id)
    )
    return (await session.execute(statement)).scalar_one_or_none() is not None


async def _park(here: Context, message: Msg, reason: str, deliveries: int) -> None:
    try:
        async with transaction(here) as session:
            await session.execute(
                insert(dead_letter).values(
                    dead_letter_id=clock.new_id(),
                    subject=message.subject,
                    type=".".join(message.subject.split(".")[1:-1]),
                    envelope=here.vault.encrypt(message.data.decode(errors="replace")),
                    reason=reason[:2000],
                    deliveries=deliveries,
                )
            )
    except (SQLAlchemyError, OSError):
        await message.nak(delay=DELAYS_SECONDS[-1])
        return
    telemetry.DEAD_LETTERS.labels(here.service).inc()
    log.error("dead_letter", subject=message.subject, reason=reason, deliveries=deliveries)
    await message.term()
