"""Publishes outbox rows in order: one active relay per database, woken after each commit."""

import asyncio
import contextlib
from collections.abc import Sequence
from typing import Any

import structlog
from nats.errors import Error as NatsError
from nats.errors import MaxPayloadError
from nats.js import JetStreamContext
from sqlalchemy import Row, Select, func, select, text, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

from chassis import bus, telemetry
from chassis.context import Context
from chassis.db import transaction
from chassis.events import stream_of
from chassis.tables import outbox_event

BATCH = 200
POLL_SECONDS = 1.0
PUBLISH_TIMEOUT_SECONDS = 5
_LOCK = 0x0E1A  # one advisory lock id per purpose; the database is the scope

log = structlog.get_logger()


async def run(here: Context, js: JetStreamContext) -> None:
    """Relay until cancelled; trouble with database or bus is logged, waited out and retried."""
    await bus.ensure_stream(js, here.service)
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
