"""The streams themselves, read whole: nothing missing, nothing out of order, every effect once."""

import json
from typing import Any, Final

import asyncpg
import nats
from nats.js import JetStreamContext
from nats.js.api import ConsumerConfig, DeliverPolicy

from chassis.events import stream_of
from onenet.doctor.bus import subjects_of
from onenet.endpoints import Endpoints
from onenet.services import SERVICES

BATCH: Final = 500
WAIT_SECONDS: Final = 2
Message = tuple[str, str, str, int]


async def stream_findings(endpoints: Endpoints) -> dict[str, int]:
    """Kept rows the stream lacks, events out of order, events a reader has not had."""
    missing = disordered = unread = 0
    connection = await nats.connect(endpoints.nats_url, connect_timeout=5)
    try:
        for producer in SERVICES:
            events = await _events(connection.jetstream(), producer)
            missing += len(
                await _published(endpoints.databases[producer]) - {one[0] for one in events}
            )
            disordered += _disorder(events)
            for reader in SERVICES:
                wanted = subjects_of(reader).get(producer)
                if wanted:
                    unread += await _unread(endpoints.databases[reader], events, wanted)
    finally:
        await connection.close()
    return {
        "published events missing in streams": missing,
        "events out of order in streams": disordered,
        "events without effect at a reader": unread,
    }


async def _events(js: JetStreamContext, producer: str) -> list[Message]:
    """(id, type, entity, sequence) of every message, in the stream's order."""
    stream = stream_of(producer)
    left = (await js.stream_info(stream)).state.messages
    reader = await js.pull_subscribe(
        f"onenet.{producer}.>",
        stream=stream,
        config=ConsumerConfig(deliver_policy=DeliverPolicy.ALL, mem_storage=True),
    )
    found: list[Message] = []
    while len(found) < left:
        for message in await reader.fetch(BATCH, timeout=WAIT_SECONDS):
            found.append(_read(json.loads(message.data)))
            await message.ack()
    await reader.unsubscribe()
    return found


def _read(envelope: dict[str, Any]) -> Message:
    kind = envelope["type"]
    entity = f"{kind.rsplit('.', 2)[0]}:{envelope['subject']}"
    return envelope["id"], kind, entity, int(envelope["sequence"])


async def _published(url: str) -> set[str]:
    connection = await asyncpg.connect(url)
    try:
        rows = await connection.fetch(
            "SELECT event_id::text FROM outbox_event WHERE published_at IS NOT NULL"
        )
    finally:
        await connection.close()
    return {row[0] for row in rows}


def _disorder(events: list[Message]) -> int:
    """Events that come for the first time after a later one of their entity."""
    highest, seen, count = dict[str, int](), set[str](), 0
    for event_id, _, entity, sequence in events:
        if event_id in seen:
            continue
        seen.add(event_id)
        count += sequence < highest.get(entity, 0)
        highest[entity] = max(sequence, highest.get(entity, 0))
    return count


async def _unread(url: str, events: list[Message], wanted: set[str]) -> int:
    types = {one.removeprefix("onenet.").removesuffix(".*") for one in wanted}
    connection = await asyncpg.connect(url)
    try:
        rows = await connection.fetch("SELECT event_id::text FROM inbox_event")
    finally:
        await connection.close()
    return len({one[0] for one in events if one[1] in types} - {row[0] for row in rows})
