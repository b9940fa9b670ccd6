"""From a bare outbox insert to a bare consumer, and a bare publish window.

`produce` inserts outbox rows at a fixed rate, one transaction each, and publishes what is committed
from the table; `consume` writes an inbox row per message; `window` publishes from memory.
"""

import asyncio
import os
import signal
import sys
import time
from collections.abc import Sequence
from uuid import uuid4

import asyncpg
import nats
import uvloop

STREAM = "BARE"
ENTITIES = 100
WINDOW = 256
TABLES = """
CREATE TABLE IF NOT EXISTS outbox_event (position bigserial PRIMARY KEY, event_id uuid NOT NULL,
  subject text NOT NULL, envelope text NOT NULL, published_at timestamptz);
CREATE INDEX IF NOT EXISTS outbox_waiting ON outbox_event (position) WHERE published_at IS NULL;
CREATE TABLE IF NOT EXISTS inbox_event (event_id uuid PRIMARY KEY);
"""
INSERT = "INSERT INTO outbox_event (event_id, subject, envelope) VALUES ($1, $2, $3)"
WAITING = """
SELECT position, event_id, subject, envelope FROM outbox_event WHERE published_at IS NULL
ORDER BY position LIMIT 256"""
MARK = "UPDATE outbox_event SET published_at = clock_timestamp() WHERE position = ANY($1)"
ENTER = "INSERT INTO inbox_event (event_id) VALUES ($1) ON CONFLICT DO NOTHING"


async def produce(url: str, bus: str, count: str, rate: str, size: str) -> None:
    """Insert and publish; ends when everything is published."""
    committed = asyncio.Event()
    connection = await nats.connect(bus)
    stream = connection.jetstream()
    async with asyncpg.create_pool(url, min_size=4, max_size=16) as pool:
        relay = asyncio.create_task(publish(pool, stream, committed, int(count)))
        began, envelope = time.perf_counter(), "x" * int(size)

        async def insert(number: int) -> None:
            subject = f"bare.{number % ENTITIES}"
            async with pool.acquire() as database, database.transaction():
                await database.execute(INSERT, uuid4(), subject, envelope)
            committed.set()

        async with asyncio.TaskGroup() as inserts:
            for number in range(int(count)):
                planned = began + number / float(rate)
                await asyncio.sleep(max(0.0, planned - time.perf_counter()))
                inserts.create_task(insert(number))
        await relay
    await connection.close()


async def publish(pool: "asyncpg.Pool", stream, committed: asyncio.Event, count: int) -> None:
    """What a relay cannot do without: read in order, publish with an id, mark."""
    published = 0
    async with pool.acquire() as database:
        while published < count:
            await committed.wait()
            committed.clear()
            while rows := await database.fetch(WAITING):
                await send(
                    stream,
                    [
                        (row["subject"], row["envelope"].encode(), str(row["event_id"]))
                        for row in rows
                    ],
                )
                await database.execute(MARK, [row["position"] for row in rows])
                published += len(rows)


async def send(stream, messages: Sequence[tuple[str, bytes, str]]) -> None:
    acknowledgements = [
        await stream.publish_async(subject, content, headers={"Nats-Msg-Id": event_id})
        for subject, content, event_id in messages
    ]
    await asyncio.gather(*acknowledgements)


async def consume(url: str, bus: str) -> None:
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    connection = await nats.connect(bus)
    stream = connection.jetstream()
    await stream.add_stream(name=STREAM, subjects=["bare.>"], duplicate_window=600)
    database = await asyncpg.connect(url)

    async def take(message) -> None:
        async with database.transaction():
            await database.execute(ENTER, message.headers["Nats-Msg-Id"])
        await message.ack()

    await stream.subscribe("bare.>", durable="bare", cb=take, manual_ack=True)
    await stopped.wait()


async def window(bus: str, count: str, size: str) -> None:
    """Prints messages a second: from memory, acknowledged in windows."""
    connection = await nats.connect(bus)
    stream = connection.jetstream()
    await stream.add_stream(name=STREAM, subjects=["bare.>"], duplicate_window=600)
    content, total = b"x" * int(size), int(count)
    began = time.perf_counter()
    for first in range(0, total, WINDOW):
        numbers = range(first, min(first + WINDOW, total))
        await send(stream, [(f"bare.{n % ENTITIES}", content, str(uuid4())) for n in numbers])
    print(total / (time.perf_counter() - began))


if __name__ == "__main__":
    verbs = {"produce": produce, "consume": consume, "window": window}
    uvloop.run(verbs[sys.argv[1]](*sys.argv[2:]))
    sys.stdout.flush()
    os._exit(0)  # a library's remaining tasks must not keep the measurement waiting
