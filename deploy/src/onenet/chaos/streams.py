"""Checks on whole streams: no event is missing or out of order, each has had its effect."""

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
    """Published rows missing in a stream, events out of order, events without effect."""
    missing = disordered = unread = 0
    connection = await nats.connect(endpoints.nats_url, connect_timeout=5)
    try:
        for producer in SERVICES:
            events = await stream_events(connection.jetstream(), producer)
            missing += len(
                await published_ids(endpoints.databases[producer]) - {one[0] for one in events}
            )
            disordered += count_disorder(events)
            for reader in SERVICES:
                wanted = subjects_of(reader).get(producer)
                if wanted:
                    unread += await count_unread(endpoints.databases[reader], events, wanted)
    finally:
        await connection.close()
    return {
        "published events missing in streams": missing,
        "events out of order in streams": disordered,
        "events without effect at a reader": unread,
    }


async def stream_events(js: JetStreamContext, producer: str) -> list[Message]:
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
            found.append(message_of(json.loads(message.data)))
            await message.ack()
    await reader.unsubscribe()
    return found


def message_of(envelope: dict[str, Any]) -> Message:
    kind = envelope["type"]
    entity = f"{kind.rsplit('.', 2)[0]}:{envelope['subject']}"
    return envelope["id"], kind, entity, int(envelope["sequence"])


async def published_ids(url: str) -> set[str]:
    connection = await asyncpg.connect(url)
    try:
        rows = await connection.fetch(
            "SELECT event_id::text FROM outbox_event WHERE published_at IS NOT NULL"
        )
    finally:
        await connection.close()
    return {row[0] for row in rows}


def count_disorder(events: list[Message]) -> int:
    """Count events that appear first after a later event of their entity."""
    highest, seen, count = dict[str, int](), set[str](), 0
    for event_id, _, entity, sequence in events:
        if event_id in seen:
            continue
        seen.add(event_id)
        count += sequence < highest.get(entity, 0)
        highest[entity] = max(sequence, highest.get(entity, 0))
    return count


async def count_unread(url: str, events: list[Message], wanted: set[str]) -> int:
    types = {one.removeprefix("onenet.").removesuffix(".*") for one in wanted}
    connection = await asyncpg.connect(url)
    try:
        rows = await connection.fetch("SELECT event_id::text FROM inbox_event")
    finally:
        await connection.close()
    return len({one[0] for one in events if one[1] in types} - {row[0] for row in rows})
