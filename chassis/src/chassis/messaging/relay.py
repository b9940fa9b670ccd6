"""The relay publishes outbox rows in order, one active relay per database.

It is woken after each commit, and polls each second besides. A stream that lost its data gets it
again from the outbox.
"""

import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import structlog
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.js import JetStreamContext
from nats.js.api import Header
from nats.js.errors import NotFoundError
from sqlalchemy import ARRAY, BigInteger, Row, any_, cast, func, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from chassis import telemetry
from chassis.database.leadership import leading
from chassis.database.tables import outbox_event
from chassis.events import stream_of
from chassis.messaging.bus import ensure_stream
from chassis.messaging.consumer import OUTAGES
from chassis.process import Process

BATCH = 1000
WINDOW_BYTES = 8_000_000
HEADER_BYTES = 1000
POLL_SECONDS = 1.0
RECOVERY_SECONDS = 10.0
PUBLISH_TIMEOUT_SECONDS = 5
_WAITING = (outbox_event.c.published_at.is_(None), outbox_event.c.parked_reason.is_(None))
_NEXT = (
    select(
        outbox_event.c.position,
        outbox_event.c.event_id,
        outbox_event.c.type,
        outbox_event.c.subject,
        outbox_event.c.envelope,
    )
    .where(*_WAITING)
    .order_by(outbox_event.c.position)
    .limit(BATCH)
)

# What was published after the stream's last message is not in it. A last message whose row is
# gone is older than any row that is kept; no last message is an empty stream.
_LOST = """
FROM outbox_event AS row WHERE published_at > now() - make_interval(days => :days) AND NOT EXISTS (
  SELECT FROM outbox_event AS last WHERE last.event_id = :last AND (
    last.published_at IS NULL
    OR (row.published_at, row.position) <= (last.published_at, last.position)))"""
_COUNT_LOST = text(f"SELECT count(*) {_LOST}")
_PUBLISH_AGAIN = text(
    f"UPDATE outbox_event SET published_at = NULL WHERE position IN (SELECT position {_LOST})"  # noqa: S608 - constants
)

log = structlog.get_logger()


class NotPublished(NatsError):
    """The bus accepted none of a window."""


@dataclass
class StreamEnd:
    """The end of the stream that this process writes: its last sequence and last event."""

    created: datetime | None
    sequence: int
    last: UUID | None


async def relay(process: Process, nc: Client) -> None:
    """Relay until cancelled; outages of database or bus are logged, waited out and retried."""
    js = nc.jetstream()  # one for all windows: each would subscribe to answers of its own
    while True:
        try:
            async with leading(process, "relay") as connection:
                if connection is not None:
                    await _lead(process, nc, js, connection)
        except OUTAGES as error:
            log.warning("relay_waits", reason=str(error)[:200], kind=type(error).__name__)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(POLL_SECONDS):
                await forward_wake_ups(process, nc)


async def forward_wake_ups(process: Process, nc: Client) -> None:
    """Tell the process that relays whenever this one has committed an event, until cancelled."""
    while True:
        await process.wake.wait()
        process.wake.clear()
        with contextlib.suppress(NatsError):  # only a hint: the relay polls besides
            await nc.publish(f"onenet-wake.{process.service}")


async def _lead(
    process: Process, nc: Client, js: JetStreamContext, connection: AsyncConnection
) -> None:
    async def wake(_: Msg) -> None:
        process.wake.set()

    wake_ups = await nc.subscribe(f"onenet-wake.{process.service}", cb=wake)
    loop, end = asyncio.get_running_loop(), None
    try:
        while True:
            end = await recover(process, js, connection, end)
            until = loop.time() + RECOVERY_SECONDS
            while loop.time() < until:
                process.wake.clear()
                if await publish_window(process, js, connection, end) < BATCH:
                    with contextlib.suppress(TimeoutError):
                        # In Python 3.11 wait_for can swallow a cancellation that meets the wake-up.
                        async with asyncio.timeout(POLL_SECONDS):
                            await process.wake.wait()
    finally:
        with contextlib.suppress(NatsError):
            await wake_ups.unsubscribe()


async def publish_window(
    process: Process, js: JetStreamContext, connection: AsyncConnection, end: StreamEnd
) -> int:
    """Publish the next rows in one go and mark what the bus has; `BATCH` when more may wait."""
    async with connection.begin():
        rows = (await connection.execute(_NEXT)).all()
    window: list[Row[*tuple[Any, ...]]] = []
    too_large: list[tuple[Row[*tuple[Any, ...]], str]] = []
    total, max_payload = 0, process.bus.max_payload
    for row in rows:
        size = len(row.envelope.encode()) + HEADER_BYTES
        if size > max_payload:
            # The queue behind a message that can never leave must go on.
            too_large.append((row, f"{size} bytes, the bus takes {max_payload}"))
        elif (total := total + size) <= WINDOW_BYTES:
            window.append(row)
    accepted = await _publish(js, stream_of(process.service), window, end) if window else 0
    async with connection.begin():
        for row, reason in too_large:
            telemetry.PARKED.labels(process.service).inc()
            log.error("event_parked", type=row.type, event_id=str(row.event_id), reason=reason)
            parked = update(outbox_event).where(outbox_event.c.position == row.position)
            await connection.execute(parked.values(parked_reason=reason))
        if accepted:
            # One moment for a window: (published_at, position) is the order within the stream.
            positions = [row.position for row in window[:accepted]]
            published = outbox_event.c.position == any_(cast(positions, ARRAY(BigInteger)))
            await connection.execute(
                update(outbox_event).where(published).values(published_at=func.now())
            )
    telemetry.PUBLISHED.labels(process.service).inc(accepted)
    return len(rows) if accepted == len(window) and total <= WINDOW_BYTES else BATCH


async def _publish(
    js: JetStreamContext, stream: str, rows: Sequence[Row[*tuple[Any, ...]]], end: StreamEnd
) -> int:
    """Publish the rows together; how many from the first on the bus has. Raises NotPublished.

    Each message names the one before it, and the bus refuses it unless that is its last. So
    whatever is lost on the way, also of the stream itself, nothing stands behind a hole; what the
    bus has already it recognises by its id, wherever that stands.
    """
    acknowledgements, previous = [], end.last
    for row in rows:
        headers = {Header.MSG_ID.value: str(row.event_id)}
        if previous is not None:
            headers[Header.EXPECTED_LAST_MSG_ID.value] = str(previous)
        content = row.envelope.encode()
        sent = await js.publish_async(row.subject, content, stream=stream, headers=headers)
        acknowledgements.append(sent)
        previous = row.event_id
    await asyncio.wait(acknowledgements, timeout=PUBLISH_TIMEOUT_SECONDS)
    errors = [
        sent.exception() if sent.done() else TimeoutError("the bus does not answer")
        for sent in acknowledgements
    ]
    for sent in acknowledgements:
        sent.cancel()  # an answer that comes later counts no more, and must not take room
    accepted = next((number for number, error in enumerate(errors) if error), len(rows))
    if accepted == 0:
        raise NotPublished(str(errors[0]))
    for row, sent in zip(rows[:accepted], acknowledgements, strict=False):
        if not sent.result().duplicate:
            end.last = row.event_id
    return accepted


async def recover(
    process: Process, js: JetStreamContext, connection: AsyncConnection, end: StreamEnd | None
) -> StreamEnd:
    """Have published again what the stream should hold and does not: its data was lost.

    `end` is what this process knows of the stream; unless it shrank or was made anew, nothing was
    lost.
    """
    name, settings = stream_of(process.service), process.settings
    stream = await ensure_stream(
        js, process.service, replicas=settings.stream_replicas, days=settings.stream_retention_days
    )
    if end and end.created == stream.created and stream.state.last_seq >= end.sequence:
        end.sequence = stream.state.last_seq
        return end
    last = None
    with contextlib.suppress(NotFoundError, KeyError, ValueError):
        message = await js.get_msg(name, max(stream.state.last_seq, 1))
        last = UUID((message.headers or {})[Header.MSG_ID])
    lost = {"last": last, "days": settings.event_retention_days}
    async with connection.begin():
        count = await connection.scalar(_COUNT_LOST, lost)
    if count:
        log.error("stream_lost_events", count=count)
        # A reader may stand beyond the end, and would not see what now takes those places.
        for reader in await js.consumers_info(name):
            await js.delete_consumer(name, reader.name)
        async with connection.begin():
            await connection.execute(_PUBLISH_AGAIN, lost)
    return StreamEnd(stream.created, stream.state.last_seq, last)


async def backlog(session: AsyncSession) -> int:
    """Outbox rows that wait for the bus."""
    statement = select(func.count()).select_from(outbox_event).where(*_WAITING)
    return int((await session.execute(statement)).scalar_one())
