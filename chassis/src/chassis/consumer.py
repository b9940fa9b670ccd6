"""The bus and its readers: streams, durable pull consumers, an inbox, dead letters.

An event's effect and its inbox row commit together, so a redelivery does nothing. A failing
handler is retried with growing delay, then parked as a dead letter an operator can re-drive.
"""

import asyncio
import contextlib
import itertools
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, TypeVar
from uuid import UUID

import asyncpg
import structlog
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.js.api import ConsumerInfo
from opentelemetry.trace import SpanKind
from pydantic import BaseModel, ValidationError
from pydantic_core import from_json
from sqlalchemy import delete, func, insert, text
from sqlalchemy.dialects.postgresql.asyncpg import AsyncAdapt_asyncpg_dbapi as Dialect
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from chassis import clock, telemetry
from chassis.db import transaction
from chassis.driver import driver, is_used, leading
from chassis.events import BEAT_SECONDS, Pull, pulling, service_of, stream_of
from chassis.events import connect as connect  # noqa: PLC0414 - tools and tests look for it here
from chassis.events import ensure_consumer as ensure_consumer  # noqa: PLC0414
from chassis.events import ensure_stream as ensure_stream  # noqa: PLC0414
from chassis.settings import Context
from chassis.tables import dead_letter, inbox_event

TROUBLE = (
    SQLAlchemyError,
    Dialect.Error,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    NatsError,
    OSError,
    TimeoutError,
)


DELAYS_SECONDS = (0.2, 0.5, 1, 2, 5, 10, 20, 40)
LATER_DELIVERIES = 40

_ENTER = """
INSERT INTO inbox_event (event_id, type) SELECT * FROM unnest((SELECT $1::uuid[]),
  (SELECT $2::text[])) ON CONFLICT DO NOTHING RETURNING event_id"""

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
Handlers = Callable[[AsyncSession, Sequence[Received[Any]]], Awaitable[None]]


@dataclass(frozen=True)
class AtOnce:
    """A handler that takes the events that arrived together, in their order."""

    handler: Handlers


Pairs = list[tuple[type[BaseModel], Handler | AtOnce]]
Reactions = dict[str, Pairs]


@dataclass
class Subscriptions:
    """A room's reactions: event type → (reading model, handler).

    `copies`: each handler only keeps the newest state it was told, so that a rebuild may tell it
    the same event again. Every other handler gets an event once, whatever happens.
    """

    copies: bool = False
    reactions: Reactions = field(default_factory=dict)

    def on(self, event_type: str, model: type[T]) -> Callable[[Handler], Handler]:
        def register(handler: Handler) -> Handler:
            self.reactions.setdefault(event_type, []).append((model, handler))
            return handler

        return register

    def on_all(self, event_type: str, model: type[T]) -> Callable[[Handlers], Handlers]:
        """For handlers that one statement serves, however many events there are."""

        def register(handler: Handlers) -> Handlers:
            self.reactions.setdefault(event_type, []).append((model, AtOnce(handler)))
            return handler

        return register


def merged(subscriptions: Sequence[Subscriptions]) -> Reactions:
    found: Reactions = {}
    for one in subscriptions:
        for event_type, pairs in one.reactions.items():
            found.setdefault(event_type, []).extend(pairs)
    return found


def producers(reactions: Reactions) -> list[str]:
    """The services whose streams these reactions read."""
    return sorted({service_of(event_type) for event_type in reactions})


@dataclass(frozen=True)
class Reader:
    """Who takes events in; `again` is for those that had their effect already."""

    here: Context
    reactions: Reactions
    again: Reactions = field(default_factory=dict)
    connection: AsyncConnection | None = None


def subjects_of(reactions: Reactions, producer: str) -> list[str]:
    return [f"onenet.{name}.*" for name in reactions if service_of(name) == producer]


async def run(here: Context, nc: Client, producer: str, reactions: Reactions) -> None:
    """Consume one producer's stream until cancelled; one process at a time, for the order."""
    js, stream = nc.jetstream(), stream_of(producer)
    while True:
        try:
            async with leading(here, f"consumer of {producer}") as connection:
                if connection is not None:
                    # Until the producer has made its stream this fails, and is tried again.
                    await ensure_consumer(
                        js,
                        stream=stream,
                        durable=here.service,
                        subjects=subjects_of(reactions, producer),
                    )
                    async with pulling(nc, stream, here.service) as pull:
                        reader = Reader(here, reactions, connection=connection)
                        while True:
                            waiting = await _take(reader, pull)
                            telemetry.PENDING.labels(here.service, producer).set(waiting)
        except TROUBLE as error:
            log.warning("consumer_waits", producer=producer, kind=type(error).__name__)
        await asyncio.sleep(1)


async def rebuild(
    here: Context, nc: Client, producer: str, reactions: Reactions, again: Reactions
) -> None:
    """Read a producer's stream once more whenever an operator asked for it, until cancelled.

    The request is a second durable, so it outlives the process and tells how far it has come.
    """
    js, stream, durable = nc.jetstream(), stream_of(producer), rebuild_of(here.service)
    while True:
        await asyncio.sleep(BEAT_SECONDS)
        with contextlib.suppress(*TROUBLE):
            await js.consumer_info(stream, durable)  # mostly there is none
            async with leading(here, f"rebuild from {producer}") as connection:
                if connection is not None:
                    async with pulling(nc, stream, durable) as pull:
                        reader = Reader(here, reactions, again, connection)
                        while left(await js.consumer_info(stream, durable)):
                            await _take(reader, pull)
                    await js.delete_consumer(stream, durable)


def rebuild_of(service: str) -> str:
    return f"{service}-rebuild"


def left(durable: ConsumerInfo) -> int:
    """How many messages it has not settled yet."""
    return (durable.num_pending or 0) + (durable.num_ack_pending or 0)


async def _take(reader: Reader, pull: Pull) -> int:
    """Take in what is there; how many events are known to wait."""
    messages = await pull.batch()
    if not messages:
        return 0
    try:
        await apply_all(reader, [message.data for message in messages])
    except Exception:  # noqa: BLE001 - one of them fails; alone, the others need not
        for message in messages:
            await _receive(reader, message)
    else:
        for message in messages:
            await message.ack()
    del pull.held[: len(messages)]
    return len(pull.held) + (messages[-1].metadata.num_pending or 0)


async def _receive(reader: Reader, message: Msg) -> None:
    here, deliveries = reader.here, message.metadata.num_delivered or 1
    try:
        await apply_all(reader, [message.data])
    except Later as reason:
        if deliveries < LATER_DELIVERIES:
            await message.nak(delay=_delay(deliveries))
        else:
            await _park(here, message, f"later: {reason}", deliveries)
    except Unreadable as error:
        await _park(here, message, f"unreadable: {error}", deliveries)
    except Exception as error:  # a handler may fail in any way; none may stop the consumer
        if reader.connection is not None and await _is_lost(reader.connection):
            # Not the event's fault; the reader begins anew with another connection.
            raise ConnectionError("the database connection broke") from error
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


async def _is_lost(connection: AsyncConnection) -> bool:
    if connection.invalidated:
        return True
    line = await connection.get_raw_connection()
    return not line.is_valid or bool(line.driver_connection.is_closed())  # type: ignore[union-attr]


def _delay(deliveries: int) -> float:
    return DELAYS_SECONDS[min(deliveries, len(DELAYS_SECONDS)) - 1]


async def apply(here: Context, content: bytes, reactions: Reactions) -> bool:
    """Give the event its effect, once; False when it had it before.

    Raises Unreadable, Later, or whatever the handler raises; then nothing is changed.
    """
    return (await apply_all(Reader(here, reactions), [content]))[0]


async def apply_all(reader: Reader, contents: Sequence[bytes]) -> list[bool]:
    """Give several events their effects in one transaction, in order: all of them or none.

    A commit costs more than most handlers; sharing it is what keeps up with a busy producer.
    """
    here = reader.here
    envelopes = [_read(content) for content in contents]
    async with transaction(here, reader.connection) as session:
        new = await _first_time(session, envelopes)
        found = [reader.reactions if is_new else reader.again for is_new in new]
        pairs = [one.get(each["type"], []) for one, each in zip(found, envelopes, strict=True)]
        alike = itertools.groupby(zip(pairs, envelopes, strict=True), key=lambda one: one[0])
        for reactions, group in alike:
            await _apply(session, here, reactions, [envelope for _, envelope in group])
    for envelope, is_new in zip(envelopes, new, strict=True):
        if is_new:
            telemetry.observe_delay(here.service, envelope["type"], envelope["time"])
    return new


async def _apply(
    session: AsyncSession, here: Context, reactions: Pairs, envelopes: list[dict[str, Any]]
) -> None:
    if not reactions:
        return
    at_once = all(isinstance(handler, AtOnce) for _, handler in reactions)
    for some in [envelopes] if at_once else [[one] for one in envelopes]:
        await _handle(session, here, reactions, some)


async def _handle(
    session: AsyncSession, here: Context, reactions: Pairs, envelopes: list[dict[str, Any]]
) -> None:
    received = [
        (handler, [_received(here, one, model) for one in envelopes])
        for model, handler in reactions
    ]
    with contextlib.ExitStack() as spans:
        for one in envelopes:
            span = f"receive {one['type']}", one.get("traceparent"), SpanKind.CONSUMER
            spans.enter_context(telemetry.span(*span))
        for handler, events in received:
            if isinstance(handler, AtOnce):
                await handler.handler(session, events)
            else:
                await handler(session, events[0])
        if is_used(session) and (session.new or session.identity_map):
            await session.flush()
            # The next event of the transaction must see rows, not what this one remembers.
            session.expunge_all()


def _read(content: bytes) -> dict[str, Any]:
    try:
        envelope = from_json(content)
        envelope["id"], envelope["sequence"] = UUID(envelope["id"]), int(envelope["sequence"])
        envelope["time"] = datetime.fromisoformat(envelope["time"])
        envelope["type"], envelope["data"]
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
        id=envelope["id"],
        type=envelope["type"],
        subject=envelope["subject"],
        time=envelope["time"],
        sequence=envelope["sequence"],
        data=content,
        sealed=here.vault.unseal(box, sender=service_of(envelope["type"])) if box else None,
    )


async def _first_time(session: AsyncSession, envelopes: Sequence[Mapping[str, Any]]) -> list[bool]:
    """Enter the events into the inbox; of each, whether it was not there."""
    ids = [one["id"] for one in envelopes]
    rows = await (await driver(session)).fetch(_ENTER, ids, [one["type"] for one in envelopes])
    entered = {row["event_id"] for row in rows}
    new = []
    for one in ids:
        new.append(one in entered)
        entered.discard(one)  # the same event may come twice in a batch
    return new


async def forget_old(session: AsyncSession, days: int) -> None:
    """Drop inbox rows of events that no stream and no outbox can bring again."""
    age = func.now() - text(f"interval '{int(days)} days'")
    await session.execute(delete(inbox_event).where(inbox_event.c.received_at < age))


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
