"""Rows 9 and 10: from a commit to the effect in another service, and what the relay can carry.

Producer and consumer are the services identity and catalog, each a process of its own as in
production; the consumer's effect is its copy of a department. Both moments are commit timestamps
of one PostgreSQL server, which writes its log to disk as in production.
"""

import asyncio
import contextlib
import importlib
import json
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from uuid import uuid4

import asyncpg
import nats
import uvloop
from pydantic import SecretStr

from chassis import consumer, migrations, outbox, worker
from chassis.db import open_context, transaction
from chassis.service import Service
from chassis.settings import Context
from chassis.testing.plugin import token_keys
from chassis.testing.servers import create_database, scratch_nats, scratch_postgres
from chassis.testing.settings import settings_of
from identity_svc.orgs.events import DepartmentChanged

from ..bench import PYTHON, Bench
from ..frame import Outcome, Round, Row, figure_outcome, quantile, ratio_outcome

RATE = 500
DEPARTMENTS = 200
LANES = 16
BACKLOG = 20_000
WINDOW = 256
ENVELOPE_BYTES = 520
SETTLE_SECONDS = 20
LOG_FILES = 4
MODULE = __spec__.name if __spec__ else __name__
# The moment of a commit is read from a row the commit wrote and nothing writes again.
NOTE_COMMITS = """
CREATE TABLE bench_commit (event_id uuid PRIMARY KEY);
CREATE FUNCTION note_commit() RETURNS trigger LANGUAGE plpgsql AS
  'BEGIN INSERT INTO bench_commit VALUES (NEW.event_id); RETURN NEW; END';
CREATE TRIGGER note_commit AFTER INSERT ON outbox_event
  FOR EACH ROW EXECUTE FUNCTION note_commit();
"""
FILL = """
INSERT INTO outbox_event (event_id, type, subject, entity, sequence, envelope)
SELECT gen_random_uuid(), 'identity.department.changed.v1',
  'onenet.identity.department.changed.v1.d' || number % 200, 'd' || number % 200, number,
  repeat('x', $2)
FROM generate_series(1, $1::int) AS number
"""


@dataclass(frozen=True)
class Place:
    """Databases and bus of one measurement."""

    identity: str
    catalog: str
    bus: str


@contextlib.contextmanager
def servers():
    with scratch_postgres() as postgres, scratch_nats() as bus:
        yield postgres, bus


async def place(postgres: str, bus: str, number: int) -> Place:
    """Two fresh databases on a server that keeps what it says it keeps."""
    found = {}
    for name in ("identity", "catalog"):
        found[name] = await create_database(postgres, f"bench_{name}_{number}")
        await asyncio.to_thread(migrations.upgrade, f"{name}_svc:migrations", found[name])
    async with database(found["identity"]) as connection:
        for setting in ("fsync", "synchronous_commit", "full_page_writes"):
            await connection.execute(f"ALTER SYSTEM SET {setting} = on")
        await connection.execute("SELECT pg_reload_conf()")
        await connection.execute(NOTE_COMMITS)
        # A new server makes each file of its log when it needs one; one that has run for a while
        # uses old ones again.
        for _ in range(LOG_FILES):
            await connection.execute("SELECT pg_logical_emit_message(true, 'bench', 'x')")
            await connection.execute("SELECT pg_switch_wal()")
        await connection.execute("CHECKPOINT")
    return Place(found["identity"], found["catalog"], bus)


@contextlib.asynccontextmanager
async def database(url: str) -> "AsyncIterator[asyncpg.Connection]":
    connection = await asyncpg.connect(url)
    try:
        yield connection
    finally:
        await connection.close()


async def delay(bench: Bench) -> Sequence[Outcome]:
    middle, late = [], []
    for number in range(bench.rounds):
        with servers() as (postgres, bus):
            delays = await _delays(bench, await place(postgres, bus, number))
        middle.append(quantile(delays, 0.5))
        late.append(quantile(delays, 0.99))
        bench.say(f"{len(delays)} events: p50 {middle[-1]:.1f} ms, p99 {late[-1]:.1f} ms")
    notes = f"{RATE} events/s"
    return [
        figure_outcome("commit → effect, p50", "ms", middle, "≤ 5 ms", notes),
        figure_outcome("commit → effect, p99", "ms", late, "≤ 30 ms", notes),
    ]


async def _delays(bench: Bench, at: Place) -> list[float]:
    count = int(RATE * bench.seconds)
    taking = [PYTHON, "-m", MODULE, "consume", at.catalog, at.bus]
    making = [PYTHON, "-m", MODULE, "produce", at.identity, at.bus, str(count)]
    async with bench.process(taking), bench.process(making) as producer:
        await asyncio.to_thread(producer.wait, SETTLE_SECONDS + 4 * bench.seconds)
        async with database(at.identity) as one, database(at.catalog) as other:
            made = await _moments(one, "bench_commit")
            for _ in range(SETTLE_SECONDS * 10):
                taken = await _moments(other, "inbox_event")
                if len(taken.keys() & made.keys()) >= count:
                    break
                await asyncio.sleep(0.1)
    delays = [
        (taken[one] - begun).total_seconds() * 1000 for one, begun in made.items() if one in taken
    ]
    if len(delays) < count:
        raise RuntimeError(f"{count} events were made, {len(delays)} had their effect")
    return delays


async def _moments(connection: "asyncpg.Connection", table: str) -> dict:
    statement = f"SELECT event_id, pg_xact_commit_timestamp(xmin) FROM {table}"
    return dict(await connection.fetch(statement))


async def throughput(bench: Bench) -> Sequence[Outcome]:
    with servers() as (postgres, bus):
        places = iter([await place(postgres, bus, number) for number in range(bench.rounds)])

        async def ours() -> float:
            at = next(places)
            async with database(at.identity) as connection:
                await connection.execute(FILL, BACKLOG, ENVELOPE_BYTES)
            return BACKLOG / await _seconds("drain", at.identity, at.bus)

        async def bare() -> float:
            return BACKLOG / await _seconds("publish", bus)

        rounds: list[Round] = await bench.alternate(ours, bare)
    notes = f"{BACKLOG} events of {ENVELOPE_BYTES} bytes"
    return [ratio_outcome("relay ÷ bare window", "events/s", rounds, "≥ 0.5", notes)]


async def _seconds(verb: str, *arguments: str) -> float:
    child = await asyncio.create_subprocess_exec(
        *(PYTHON, "-m", MODULE, verb, *arguments), stdout=asyncio.subprocess.PIPE
    )
    said, _ = await child.communicate()
    return float(json.loads(said.splitlines()[-1]))


# What follows runs in the processes under test.


def service(name: str, url: str, bus: str) -> tuple[Service, Context]:
    create = importlib.import_module(f"{name}_svc.main").create_service
    made = create(settings_of(create, database_url=SecretStr(url), nats_url=bus, worker=True))
    return made, open_context(name, made.settings, keys=token_keys())


async def consume(url: str, bus: str) -> None:
    made, here = service("catalog", url, bus)
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    async with worker.running(made, here, alone=True):
        await stopped.wait()


async def produce(url: str, bus: str, count: str) -> None:
    """One event per transaction, at the wished rate, beside the relay that publishes it."""
    made, here = service("identity", url, bus)
    lanes = asyncio.Semaphore(LANES)

    async def single(number: int) -> None:
        async with lanes, transaction(here) as session:
            event = DepartmentChanged(
                department_code=f"d{number % DEPARTMENTS}",
                name=f"部门 {number}",
                region_code="110000000000",
                active=True,
                version=number + 1,
            )
            await outbox.record(session, event)

    async with worker.running(made, here, alone=True):
        await asyncio.sleep(3)  # until the consumer stands
        start = time.perf_counter()
        async with asyncio.TaskGroup() as tasks:
            for number in range(int(count)):
                await asyncio.sleep(max(0.0, start + number / RATE - time.perf_counter()))
                tasks.create_task(single(number))
        await _published(here)


async def _published(here: Context) -> None:
    while True:
        async with here.reading.begin() as session:
            if await outbox.backlog(session) == 0:
                return
        await asyncio.sleep(0.1)


async def drain(url: str, bus: str) -> None:
    _, here = service("identity", url, bus)
    nc = await consumer.connect(bus, name="identity")
    await consumer.ensure_stream(nc.jetstream(), "identity")
    started = time.perf_counter()
    while await outbox.relay_once(here, nc):
        pass
    print(time.perf_counter() - started)


async def publish(bus: str) -> None:
    """The same messages from memory, acknowledged in windows."""
    nc = await nats.connect(bus)
    js = nc.jetstream()
    with contextlib.suppress(nats.js.errors.NotFoundError):
        await js.delete_stream("BARE")
    await js.add_stream(name="BARE", subjects=["bare.>"], duplicate_window=600)
    content = b"x" * ENVELOPE_BYTES
    started = time.perf_counter()
    for first in range(0, BACKLOG, WINDOW):
        window = [
            await js.publish_async(
                f"bare.d{number % DEPARTMENTS}", content, headers={"Nats-Msg-Id": str(uuid4())}
            )
            for number in range(first, min(first + WINDOW, BACKLOG))
        ]
        await asyncio.gather(*window)
    print(time.perf_counter() - started)


ROWS = [
    Row(9, "commit → other service's committed effect", delay, seconds=50),
    Row(10, "relay ÷ bare publish window with message ids", throughput, seconds=40),
]

if __name__ == "__main__":
    verbs = {"consume": consume, "produce": produce, "drain": drain, "publish": publish}
    uvloop.run(verbs[sys.argv[1]](*sys.argv[2:]))
    os._exit(0)  # what a library left running must not keep the measurement waiting
