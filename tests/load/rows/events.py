"""Rows 9 and 10: from a commit to the effect in another service, and what the relay can carry.

Identity tells of changed departments, the catalogue keeps copies; each is a process of its own. The
delay is taken between commit timestamps of one PostgreSQL server, so no process measures itself.
"""

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg

from ..applications import JSON, post
from ..baselines import bare_events
from ..bench import PYTHON, Bench, free_port
from ..frame import Outcome, Row, quantile, ratio_outcome
from ..loader import Connections
from ..promises import EFFECT, RELAY
from ..servers import Server, connected, nats_server, postgres_server
from ..services import environment, migrate, service, service_worker
from ..tokens import published_signer

RATE = 100
DEPARTMENTS = 100
BACKLOG = 20_000
ENVELOPE_BYTES = 520
SETTLE_SECONDS = 20
REGION = "510000000000"
ORGS = "/api/v1/orgs"
BARE = "tests.load.baselines.bare_events"
# The moment of a commit is read from a row that the commit wrote and nothing writes again.
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
  'onenet.identity.department.changed.v1.d' || number % 100,
  'bench:' || $1::int || '-' || number % 100, number, repeat('x', $3)
FROM generate_series(1, $2::int) AS number
"""
# Windows are marked as they are published: what came after the first one, in the time it took.
DRAINED = """
SELECT count(*) FILTER (WHERE published_at > beginning)
  / nullif(extract(epoch FROM max(published_at) - min(published_at)), 0)
FROM outbox_event, (SELECT min(published_at) AS beginning FROM outbox_event
  WHERE starts_with(entity, $1)) AS first WHERE starts_with(entity, $1)"""
LEFT = "SELECT count(*) FROM outbox_event WHERE published_at IS NULL AND starts_with(entity, $1)"


@dataclass(frozen=True)
class Link:
    """Where events are committed, and where they have their effect."""

    producer: str
    consumer: str

    async def moments(self) -> tuple[dict[UUID, datetime], dict[UUID, datetime]]:
        async with connected(self.producer) as sender, connected(self.consumer) as receiver:
            return await commits(sender, "bench_commit"), await commits(receiver, "inbox_event")

    async def delays(self, count: int, before: set[UUID]) -> list[float]:
        """Milliseconds from commit to effect of the events that were not there `before`."""
        for _ in range(SETTLE_SECONDS * 5):
            begun, effects = await self.moments()
            own = begun.keys() - before
            if len(own) >= count and not own - effects.keys():
                return [(effects[key] - begun[key]).total_seconds() * 1000 for key in own]
            await asyncio.sleep(0.2)
        raise RuntimeError(f"{len(own)} events, {len(own & effects.keys())} had their effect")


async def commits(connection: "asyncpg.Connection", table: str) -> dict[UUID, datetime]:
    statement = f"SELECT event_id, pg_xact_commit_timestamp(xmin) FROM {table}"
    return dict(await connection.fetch(statement))


@dataclass
class Departments:
    """An identity service whose departments are renamed, one request each."""

    connections: Connections
    headers: dict[str, str]
    versions: list[int]

    @classmethod
    async def at(cls, base_url: str, headers: dict[str, str]) -> "Departments":
        connections = Connections(base_url)
        regions = json.dumps([{"code": REGION, "name": "四川省"}])
        await post(connections, f"{ORGS}/regions/imports", {**JSON, **headers}, regions)
        for number in range(DEPARTMENTS):
            content = {"code": f"D{number:04d}", "name": f"部门{number}", "region_code": REGION}
            path = f"{ORGS}/departments"
            await post(connections, path, {**JSON, **headers}, json.dumps(content))
        return cls(connections, headers, [1] * DEPARTMENTS)

    async def rename(self, number: int) -> None:
        place = number % DEPARTMENTS
        path = f"{ORGS}/departments/D{place:04d}"
        headers = {**JSON, **self.headers, "If-Match": f'"{self.versions[place]}"'}
        body = json.dumps({"name": f"部门{place}，第{self.versions[place]}次改名"}).encode()
        answer = await self.connections.send("PATCH", path, headers=headers, body=body)
        if answer.status != 200:
            raise RuntimeError(f"PATCH {path} was answered {answer.status}: {answer.text}")
        self.versions[place] = answer.json()["version"]

    async def rename_many(self, count: int) -> None:
        """At a fixed rate, whether or not earlier ones have been answered."""
        began = time.perf_counter()
        async with asyncio.TaskGroup() as changes:
            for number in range(count):
                planned = began + number / RATE
                await asyncio.sleep(max(0.0, planned - time.perf_counter()))
                changes.create_task(self.rename(number))


async def effect(bench: Bench) -> Sequence[Outcome]:
    count = int(RATE * bench.seconds)
    late: dict[str, float] = {}
    async with contextlib.AsyncExitStack() as stack:
        postgres = await stack.enter_async_context(postgres_server())
        bus = await stack.enter_async_context(nats_server(free_port()))
        departments, ours = await stack.enter_async_context(two_services(bench, postgres, bus))
        bare = await bare_link(postgres)
        command = [PYTHON, "-m", BARE, "consume", bare.consumer, bus]
        await stack.enter_async_context(bench.process(command))

        async def median(link: Link, name: str, make) -> float:
            before = set((await link.moments())[0])
            await make()
            delays = await link.delays(count, before)
            late[name] = quantile(delays, 0.99)
            return quantile(delays, 0.5)

        async def bare_events_made() -> None:
            details = (bare.producer, bus, str(count), str(RATE), str(ENVELOPE_BYTES))
            await bench.output([PYTHON, "-m", BARE, "produce", *details])

        await departments.rename_many(RATE)  # warm
        rounds = await bench.alternate(
            lambda: median(ours, "ours", lambda: departments.rename_many(count)),
            lambda: median(bare, "bare", bare_events_made),
        )
    notes = f"{RATE} events/s; p99 {late['ours']:.1f} and {late['bare']:.1f} ms"
    return [ratio_outcome(EFFECT, "ms", rounds, notes=notes)]


@contextlib.asynccontextmanager
async def two_services(
    bench: Bench, postgres: Server, bus: str
) -> AsyncIterator[tuple[Departments, Link]]:
    """Identity with its relay, and the catalogue's worker, which has all departments by now."""
    link = Link(await postgres.database("identity"), await postgres.database("catalog"))
    async with contextlib.AsyncExitStack() as stack:
        signer = await stack.enter_async_context(published_signer())
        base_url = await stack.enter_async_context(
            service(bench, "identity", link.producer, signer, nats_url=bus, worker=True)
        )
        settings = environment(bench, "catalog", link.consumer, signer, nats_url=bus, worker=True)
        await migrate(bench, "catalog", settings)
        await stack.enter_async_context(
            service_worker(bench, "catalog", link.consumer, signer, nats_url=bus)
        )
        async with connected(link.producer) as connection:
            await connection.execute(NOTE_COMMITS)
        admin = signer.headers("staff", roles=["platform_admin"], region=REGION)
        departments = await Departments.at(base_url, admin)
        stack.callback(departments.connections.close)
        await link.delays(DEPARTMENTS, set())
        yield departments, link


async def bare_link(postgres: Server) -> Link:
    link = Link(await postgres.database("bare_producer"), await postgres.database("bare_consumer"))
    for url in (link.producer, link.consumer):
        async with connected(url) as connection:
            await connection.execute(bare_events.TABLES)
    async with connected(link.producer) as connection:
        await connection.execute(NOTE_COMMITS)
    return link


async def relay(bench: Bench) -> Sequence[Outcome]:
    async with (
        postgres_server() as postgres,
        nats_server(free_port()) as bus,
        nats_server(free_port()) as other_bus,
        published_signer() as signer,
    ):
        url = await postgres.database("identity")
        settings = environment(bench, "identity", url, signer, nats_url=bus, worker=True)
        await migrate(bench, "identity", settings)

        async with service_worker(bench, "identity", url, signer, nats_url=bus):
            turns = iter(range(bench.rounds))

            async def bare() -> float:
                details = (other_bus, str(BACKLOG), str(ENVELOPE_BYTES))
                printed = await bench.output([PYTHON, "-m", BARE, "window", *details])
                return float(printed.splitlines()[-1])

            rounds = await bench.alternate(lambda: drained(url, next(turns)), bare)
    notes = f"{BACKLOG:,} events of {ENVELOPE_BYTES} bytes"
    return [ratio_outcome(RELAY, "events/s", rounds, notes=notes)]


async def drained(url: str, turn: int) -> float:
    """Events a second while a backlog is published that was committed at once."""
    own = f"bench:{turn}-"
    async with connected(url) as connection:
        await connection.execute(FILL, turn, BACKLOG, ENVELOPE_BYTES)
        async with asyncio.timeout(60):
            while await connection.fetchval(LEFT, own):  # noqa: ASYNC110 - another process works
                await asyncio.sleep(0.1)
        return float(await connection.fetchval(DRAINED, own))


ROWS = (
    Row("commit → effect in another service", [EFFECT], effect, seconds=70),
    Row("relay, against a bare publish window", [RELAY], relay, seconds=40),
)
