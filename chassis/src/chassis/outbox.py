"""Events are rows first: `record()` writes one in the caller's transaction, the relay publishes it.

One active relay per database, woken after each commit and polling each second besides.
"""

import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from typing import Any

import structlog
from nats.errors import Error as NatsError
from nats.errors import MaxPayloadError
from nats.js import JetStreamContext
from pydantic import BaseModel
from sqlalchemy import Row, Select, func, insert, literal, select, text, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

from chassis import clock, consumer, telemetry
from chassis.db import transaction
from chassis.events import MAX_ENVELOPE_BYTES, Event, envelope, service_of, stream_of, subject_of
from chassis.settings import Context, context
from chassis.tables import outbox_event, outbox_sequence


class EventTooLarge(ValueError):
    """The event would not fit the bus; publish a reference instead of the content."""


async def record(
    session: AsyncSession,
    event: Event,
    *,
    sealed: Mapping[str, BaseModel | Mapping[str, Any]] | None = None,
) -> None:
    """Write the event beside the rows it speaks of; it leaves after the commit, in order.

    `sealed` maps a consumer's name to content only that consumer can open.
    """
    # Flushed first: ids, versions and database checks must have spoken before the event is built.
    await session.flush()
    here = context(session)
    entity = f"{event.type.rsplit('.', 2)[0]}:{event.entity_id()}"
    sequence = await _next_sequence(session, entity)
    event_id = clock.new_id()
    boxes = {
        consumer: here.vault.seal(_plain(content), to=consumer)
        for consumer, content in (sealed or {}).items()
    }
    text = envelope(event, event_id=event_id, sequence=sequence, moment=clock.now(), sealed=boxes)
    if len(text.encode()) > MAX_ENVELOPE_BYTES:
        raise EventTooLarge(f"{event.type} {event.entity_id()}: {len(text)} characters")
    if service_of(event.type) != here.service:
        raise ValueError(f"{event.type} is not an event of {here.service}")
    await session.execute(
        insert(outbox_event).values(
            event_id=event_id,
            type=event.type,
            subject=subject_of(event.type, event.entity_id()),
            entity=entity,
            sequence=sequence,
            envelope=text,
        )
    )
    session.info["wakes"] = True


async def _next_sequence(session: AsyncSession, entity: str) -> int:
    # The row lock this takes also orders concurrent writers of one entity.
    statement = (
        upsert(outbox_sequence)
        .values(entity=entity, last=1)
        .on_conflict_do_update(
            index_elements=["entity"], set_={"last": outbox_sequence.c.last + literal(1)}
        )
        .returning(outbox_sequence.c.last)
    )
    return int((await session.execute(statement)).scalar_one())


def _plain(content: BaseModel | Mapping[str, Any]) -> Mapping[str, Any]:
    return content.model_dump(mode="json") if isinstance(content, BaseModel) else content


BATCH = 200
POLL_SECONDS = 1.0
PUBLISH_TIMEOUT_SECONDS = 5
_LOCK = 0x0E1A  # one advisory lock id per purpose; the database is the scope

log = structlog.get_logger()


async def relay(here: Context, js: JetStreamContext) -> None:
    """Relay until cancelled; trouble with database or bus is logged, waited out and retried."""
    await consumer.ensure_stream(js, here.service, replicas=here.settings.stream_replicas)
    while True:
        try:
            moved = await relay_once(here, js)
        except (SQLAlchemyError, NatsError, OSError, TimeoutError) as error:
            log.warning("relay_waits", reason=str(error)[:200], kind=type(error).__name__)
            await asyncio.sleep(POLL_SECONDS)
            continue
        if moved < BATCH:
            await _next_wake(here)


async def relay_once(here: Context, js: JetStreamContext) -> int:
    """Publish at most one batch; the number of rows that left, 0 when another relay is active."""
    # The one deliberate exception to "no network inside a transaction": it holds an advisory
    # lock and no row locks, and every publish has a timeout.
    async with transaction(here) as session:
        if not (await session.execute(select(func.pg_try_advisory_xact_lock(_LOCK)))).scalar_one():
            return 0
        rows = (await session.execute(_unpublished())).all()
        published, failure = await _publish_all(session, here, js, rows)
        if published:
            await session.execute(
                update(outbox_event)
                .where(outbox_event.c.position.in_(published))
                .values(published_at=text("clock_timestamp()"))
            )
    # Raised after the commit: what the bus acknowledged stays marked, or each retry of the
    # batch would publish it again.
    if failure is not None:
        raise failure
    return len(rows)


async def _publish_all(
    session: AsyncSession, here: Context, js: JetStreamContext, rows: Sequence[Row[Any]]
) -> tuple[list[int], Exception | None]:
    """Positions the bus acknowledged, and what stopped the rest; order is kept by stopping."""
    published: list[int] = []
    for row in rows:
        try:
            if await _publish(session, here, js, row):
                published.append(row.position)
        except (NatsError, OSError, TimeoutError) as error:
            return published, error
    return published, None


async def forget_old(session: AsyncSession, days: int) -> None:
    """Drop rows published more than `days` ago."""
    await session.execute(
        outbox_event.delete().where(
            outbox_event.c.published_at < func.now() - text(f"interval '{int(days)} days'")
        )
    )


async def backlog(session: AsyncSession) -> int:
    statement = select(func.count()).select_from(_unpublished().limit(None).subquery())
    return int((await session.execute(statement)).scalar_one())


def _unpublished() -> Select[Any]:
    return (
        select(
            outbox_event.c.position,
            outbox_event.c.event_id,
            outbox_event.c.subject,
            outbox_event.c.envelope,
            outbox_event.c.type,
        )
        .where(outbox_event.c.published_at.is_(None), outbox_event.c.parked_reason.is_(None))
        .order_by(outbox_event.c.position)
        .limit(BATCH)
    )


async def _publish(
    session: AsyncSession, here: Context, js: JetStreamContext, row: Row[Any]
) -> bool:
    """True when the bus has it, False when the bus refuses this one message for good."""
    try:
        await js.publish(
            row.subject,
            row.envelope.encode(),
            timeout=PUBLISH_TIMEOUT_SECONDS,
            stream=stream_of(here.service),
            headers={"Nats-Msg-Id": str(row.event_id)},
        )
    except MaxPayloadError as error:
        # The queue behind a message that can never leave must go on.
        await _park(session, here, row, str(error))
        return False
    telemetry.PUBLISHED.labels(here.service).inc()
    return True


async def _park(session: AsyncSession, here: Context, row: Row[Any], reason: str) -> None:
    telemetry.PARKED.labels(here.service).inc()
    log.error("event_parked", type=row.type, event_id=str(row.event_id), reason=reason)
    await session.execute(
        update(outbox_event)
        .where(outbox_event.c.position == row.position)
        .values(parked_reason=reason)
    )


async def _next_wake(here: Context) -> None:
    with contextlib.suppress(TimeoutError):
        # Not wait_for: in Python 3.11 it can swallow a cancellation that meets the wake-up.
        async with asyncio.timeout(POLL_SECONDS):
            await here.wake.wait()
    here.wake.clear()
