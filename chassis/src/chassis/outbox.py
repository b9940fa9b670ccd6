"""Events are rows first: `record()` writes one in the caller's transaction, the relay publishes it.

One active relay per database, woken after each commit and polling each second besides.
"""

import asyncio
import contextlib
import itertools
import json
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import structlog
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.js.api import Header, StreamInfo
from nats.js.errors import NotFoundError
from pydantic import BaseModel
from sqlalchemy import cast, delete, func, insert, inspect, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from chassis import clock, consumer, idempotency, telemetry
from chassis.db import transaction
from chassis.driver import driver_of, holds_changes, leading
from chassis.events import MAX_ENVELOPE_BYTES, Event, envelope, service_of, stream_of, subject_of
from chassis.service import Copied
from chassis.settings import Context, context
from chassis.tables import outbox_event, republication

_DIGITS = 20


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
    if holds_changes(session):
        await session.flush()
    here = context(session)
    entity = f"{event.type.rsplit('.', 2)[0]}:{event.entity_id()}"
    event_id = clock.new_id()
    boxes = {
        consumer: here.vault.seal(_plain(content), to=consumer)
        for consumer, content in (sealed or {}).items()
    }
    text = envelope(event, event_id=event_id, sequence=0, moment=clock.now(), sealed=boxes)
    if len(text.encode()) + _DIGITS > MAX_ENVELOPE_BYTES:
        raise EventTooLarge(f"{event.type} {event.entity_id()}: {len(text)} characters")
    if service_of(event.type) != here.service:
        raise ValueError(f"{event.type} is not an event of {here.service}")
    # Texts alone stand before it, and quotation marks in them are escaped: the first is it.
    before, _, after = text.partition('"sequence":0')
    subject = subject_of(event.type, event.entity_id())
    row = (entity, event_id, event.type, subject, before + '"sequence":', after)
    await idempotency.write_event(session, row)
    session.info["wakes"] = True


def _plain(content: BaseModel | Mapping[str, Any]) -> Mapping[str, Any]:
    return content.model_dump(mode="json") if isinstance(content, BaseModel) else content


PAGE = 200
BATCH = 1000
WINDOW_BYTES = 8_000_000
HEADER_BYTES = 1000
POLL_SECONDS = 1.0
WATCH_SECONDS = 10.0
PUBLISH_TIMEOUT_SECONDS = 5
_RELAY = "relay"
_WAITING = "published_at IS NULL AND parked_reason IS NULL"
_NEXT = f"""
SELECT position, event_id::text, type, subject, envelope FROM outbox_event
WHERE {_WAITING} ORDER BY position LIMIT $1"""  # noqa: S608 - constants
# One moment for a window: so (published_at, position) is the order within the stream.
_MARK = """
UPDATE outbox_event SET published_at = (SELECT clock_timestamp()) WHERE position = ANY($1)"""
_PARK = "UPDATE outbox_event SET parked_reason = $2 WHERE position = $1"
# What was published after the stream's last message is not in it. A last message whose row is
# gone is older than any row that is kept; no last message is an empty stream.
_LOST = """
FROM outbox_event AS one WHERE published_at > now() - make_interval(days => $2) AND NOT EXISTS (
  SELECT FROM outbox_event AS last WHERE last.event_id = $1 AND (
    last.published_at IS NULL
    OR (one.published_at, one.position) <= (last.published_at, last.position)))"""
_UNMARK = f"""
UPDATE outbox_event SET published_at = NULL WHERE position IN (SELECT position {_LOST})"""  # noqa: S608 - constants
_SILENT: dict[str, Any] = {"error": {"description": "the bus does not answer"}}
_NO_STREAM: dict[str, Any] = {"error": {"description": "there is no stream"}}

log = structlog.get_logger()


class NotPublished(NatsError):
    """The bus took none of a window."""


async def relay(here: Context, nc: Client) -> None:
    """Relay until cancelled; trouble with database or bus is logged, waited out and retried."""
    while True:
        try:
            async with leading(here, _RELAY) as connection:
                if connection is not None:
                    await _lead(here, nc, await driver_of(connection))
        except consumer.TROUBLE as error:
            log.warning("relay_waits", reason=str(error)[:200], kind=type(error).__name__)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(POLL_SECONDS):
                await nudge(here, nc)


async def nudge(here: Context, nc: Client) -> None:
    """Pass the wake-ups of a process that does not relay to the one that does."""
    while True:
        await here.wake.wait()
        here.wake.clear()
        with contextlib.suppress(NatsError):  # only a hint: the relay polls besides
            await nc.publish(f"onenet-wake.{here.service}")


async def _lead(here: Context, nc: Client, database: Any) -> None:
    async def wake(_: Msg) -> None:
        here.wake.set()

    heard = await nc.subscribe(f"onenet-wake.{here.service}", cb=wake)
    loop, seen = asyncio.get_running_loop(), None
    try:
        while True:
            seen = await recover(here, nc, database, seen)
            until = loop.time() + WATCH_SECONDS
            while loop.time() < until:
                here.wake.clear()
                if await _window(here, nc, database) < BATCH:
                    await _next_wake(here)
    finally:
        with contextlib.suppress(NatsError):
            await heard.unsubscribe()


async def _next_wake(here: Context) -> None:
    with contextlib.suppress(TimeoutError):
        # Not wait_for: in Python 3.11 it can swallow a cancellation that meets the wake-up.
        async with asyncio.timeout(POLL_SECONDS):
            await here.wake.wait()


async def relay_once(here: Context, nc: Client) -> int:
    """Publish at most one window; the number of rows that left, 0 when another relay is active."""
    async with leading(here, _RELAY) as connection:
        return await _window(here, nc, await driver_of(connection)) if connection else 0


async def recover(
    here: Context, nc: Client, database: Any, seen: StreamInfo | None = None
) -> StreamInfo:
    """Let leave again what the stream should hold and does not: its data was lost.

    `seen` is the stream as it was before; unless it shrank or was made anew, nothing was lost.
    """
    js, name = nc.jetstream(), stream_of(here.service)
    kept = here.settings.stream_replicas, here.settings.stream_retention_days
    stream = await consumer.ensure_stream(js, here.service, replicas=kept[0], days=kept[1])
    if seen and stream.created == seen.created and stream.state.last_seq >= seen.state.last_seq:
        return stream
    last = None
    with contextlib.suppress(NotFoundError, KeyError, ValueError):
        message = await js.get_msg(name, max(stream.state.last_seq, 1))
        last = UUID((message.headers or {})[Header.MSG_ID])
    known = (last, here.settings.event_retention_days)
    if lost := await database.fetchval(f"SELECT count(*) {_LOST}", *known):
        log.error("stream_lost_events", count=lost)
        # A reader may stand beyond the end, and would not see what now takes those places.
        for reader in await js.consumers_info(name):
            await js.delete_consumer(name, reader.name)
        await database.execute(_UNMARK, *known)
    return stream


async def ask_republication(session: AsyncSession, copied: Sequence[Copied]) -> None:
    """Have the present state of all that others copy told again, from the beginning."""
    fresh = {"after": None, "told": 0, "asked_at": clock.now(), "finished_at": None}
    await session.execute(delete(republication))
    for one in copied:
        await session.execute(insert(republication).values(name=one.name, **fresh))


async def republish_page(here: Context, copied: Sequence[Copied]) -> bool:
    """Tell the next rows again; False when nothing is left to tell, or another process is at it."""
    async with transaction(here) as session:
        unfinished = select(republication).where(
            republication.c.finished_at.is_(None),
            republication.c.name.in_([one.name for one in copied]),
        )
        turn = unfinished.order_by("name").limit(1).with_for_update(skip_locked=True)
        asked = (await session.execute(turn)).one_or_none()
        if asked is None:
            return False
        one = next(one for one in copied if one.name == asked.name)
        key = inspect(one.rows).primary_key[0]
        page = select(one.rows).order_by(key).limit(PAGE)
        if asked.after is not None:
            page = page.where(key > cast(asked.after, key.type))
        rows = (await session.scalars(page)).all()
        for row in rows:
            await one.tell(session, row)
        last = inspect(rows[-1]).identity[0] if rows else None
        values = {
            "after": str(last) if rows else asked.after,
            "told": asked.told + len(rows),
            "finished_at": None if len(rows) == PAGE else clock.now(),
        }
        done = update(republication).where(republication.c.name == asked.name)
        await session.execute(done.values(values))
    return True


async def forget_old(session: AsyncSession, days: int) -> None:
    """Drop rows published more than `days` ago."""
    await session.execute(
        outbox_event.delete().where(
            outbox_event.c.published_at < func.now() - text(f"interval '{int(days)} days'")
        )
    )


async def backlog(session: AsyncSession) -> int:
    statement = select(func.count()).select_from(outbox_event).where(text(_WAITING))
    return int((await session.execute(statement)).scalar_one())


async def _window(here: Context, nc: Client, database: Any) -> int:
    """Publish the next rows in one go and mark what the bus has; `BATCH` when more may wait."""
    rows = await database.fetch(_NEXT, BATCH)
    total, window = 0, []
    for row in rows:
        size = len(row["envelope"].encode()) + HEADER_BYTES
        if size > nc.max_payload:
            # The queue behind a message that can never leave must go on.
            await _park(here, database, row, f"{size} bytes, the bus takes {nc.max_payload}")
        elif (total := total + size) <= WINDOW_BYTES:
            window.append(row)
    answers = await _publish(nc, stream_of(here.service), window) if window else []
    taken = list(itertools.takewhile(lambda one: one is None, answers))
    if window and not taken:
        raise NotPublished(answers[0])
    if taken:
        await database.execute(_MARK, [row["position"] for row in window[: len(taken)]])
        telemetry.PUBLISHED.labels(here.service).inc(len(taken))
    return len(rows) if len(taken) == len(window) and total <= WINDOW_BYTES else BATCH


async def _publish(nc: Client, stream: str, rows: Sequence[Any]) -> list[str | None]:
    """What the bus said of each message: None when it has it.

    Each message names the one before it, and the bus refuses it unless that is its last. So
    whatever is lost on the way, the stream gets a beginning of the window, never a part with a
    hole before it; what it has already it recognises by its id, wherever that stands.
    """
    end = len(rows) - 1
    said = await _send(nc, stream, rows, {0, end})
    first, last = said[0], said[end]
    known = first.get("duplicate") or last.get("duplicate") or "seq" not in first
    all_new = not known and last.get("seq") == first["seq"] + end
    if not all_new and len(rows) > len({0, end}):
        said = await _send(nc, stream, rows, set(range(len(rows))))
    refusals = (one.get("error", {}).get("description") for one in said)
    return [None] * len(rows) if all_new else list(refusals)


async def _send(
    nc: Client, stream: str, rows: Sequence[Any], asked: set[int]
) -> list[dict[str, Any]]:
    """Send the rows; the bus answers those asked, for an answer costs as much as a message."""
    said: dict[int, dict[str, Any]] = {}
    complete, inbox = asyncio.Event(), nc.new_inbox()

    async def hear(answer: Msg) -> None:
        content = json.loads(answer.data) if answer.data else _NO_STREAM
        said[int(answer.subject.rpartition(".")[2])] = content
        if "error" in content or len(said) == len(asked):
            complete.set()  # after a refusal nothing more is taken

    answers = await nc.subscribe(f"{inbox}.*", cb=hear)
    try:
        headers = {Header.EXPECTED_STREAM.value: stream}
        for number, row in enumerate(rows):
            headers[Header.MSG_ID.value] = row["event_id"]
            reply = f"{inbox}.{number}" if number in asked else ""
            await nc.publish(row["subject"], row["envelope"].encode(), reply, headers)
            headers[Header.EXPECTED_LAST_MSG_ID.value] = row["event_id"]
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(PUBLISH_TIMEOUT_SECONDS):
                await complete.wait()
    finally:
        await answers.unsubscribe()
    return [said.get(number, _SILENT) for number in range(len(rows))]


async def _park(here: Context, database: Any, row: Any, reason: str) -> None:
    telemetry.PARKED.labels(here.service).inc()
    log.error("event_parked", type=row["type"], event_id=row["event_id"], reason=reason)
    await database.execute(_PARK, row["position"], reason)
