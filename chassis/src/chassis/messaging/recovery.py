"""A stream that lost its data gets it again from the outbox."""

import contextlib
from uuid import UUID

import structlog
from nats.aio.client import Client
from nats.js.api import Header
from nats.js.errors import NotFoundError
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.events import stream_of
from chassis.messaging.bus import ensure_stream
from chassis.process import Process

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


async def recover(process: Process, nc: Client, connection: AsyncConnection) -> None:
    """Have published again what the stream should hold and does not: its data was lost."""
    js, name, settings = nc.jetstream(), stream_of(process.service), process.settings
    stream = await ensure_stream(
        js, process.service, replicas=settings.stream_replicas, days=settings.stream_retention_days
    )
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
