"""Rows 4 and 5: the case service against the bare stack on the same tables, both asked directly.

Applications go to every sample item that a citizen can apply for. The service runs without its
worker, which is a process of its own in production; both processes take turns on one database.
"""

import contextlib
import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any

import asyncpg

from ..applications import Applicant, Item, applicants, counter_item, publish_items, submit
from ..bench import CONNECTIONS, Bench, free_port, uvicorn
from ..frame import Outcome, Row, ratio_outcome
from ..loader import Connections, Request
from ..promises import DETAIL, LIST, QUEUE, SUBMISSION, Promise
from ..servers import connected, postgres_server
from ..services import POOL_SIZE, service
from ..tokens import Signer, published_signer

# More than a page of them.
OWN_CASES = 25


@dataclass(frozen=True)
class Office:
    """A case service with published items, and people who know what to hand in."""

    base_url: str
    database_url: str
    connections: Connections
    signer: Signer
    items: Sequence[Item]
    people: Sequence[Applicant]

    async def read(self, path: str, headers: dict[str, str]) -> Any:
        answer = await self.connections.send("GET", path, headers=headers)
        if answer.status != 200:
            raise RuntimeError(f"GET {path} was answered {answer.status}: {answer.text[:400]}")
        return answer.json()


@contextlib.asynccontextmanager
async def case_office(
    bench: Bench, *, people: int, count_statements: bool = False
) -> AsyncIterator[Office]:
    async with contextlib.AsyncExitStack() as stack:
        postgres = await stack.enter_async_context(
            postgres_server(count_statements=count_statements)
        )
        signer = await stack.enter_async_context(published_signer())
        url = await postgres.database("bench_case")
        base_url = await stack.enter_async_context(service(bench, "case", url, signer))
        async with connected(url) as connection:
            items = await publish_items(connection)
        connections = Connections(base_url)
        stack.callback(connections.close)
        citizens = await applicants(connections, signer, items, people)
        yield Office(base_url, url, connections, signer, items, citizens)


@dataclass(frozen=True)
class Read:
    """The same read of the service and of the bare stack, which is told by query whose rows."""

    promise: Promise
    path: str
    headers: dict[str, str]
    bare_path: str


@dataclass(frozen=True)
class Prepared:
    """Sample answers for the bare stack, and what is read."""

    samples: dict[str, Any]
    reads: Sequence[Read]


async def prepare(office: Office) -> Prepared:
    """One application of every kind, one person with more than a page of cases."""
    person = office.people[0]
    submissions = {
        json.loads(application.body or "")["item_id"]: await submit(office.connections, application)
        for application in person.applications
    }
    item = counter_item(office.items)
    for _ in range(OWN_CASES):
        case = await submit(office.connections, person.application_to(item))
    clerk = office.signer.headers("staff", roles=["clerk", "decider"], **item.department)
    detail, cases = f"/api/v1/cases/{case['case_id']}", "/api/v1/me/cases?limit=20"
    tasks = "/api/v1/tasks?scope=pool&limit=20"
    whose = f"department={item.department['department']}&region={item.department['region']}"
    samples = {
        "submissions": submissions,
        "case_ids": {item_id: answer["case_id"] for item_id, answer in submissions.items()},
        "detail": await office.read(detail, person.headers),
        "line": (await office.read(cases, person.headers))["data"][0],
        "task": (await office.read(tasks, clerk))["data"][0],
    }
    reads = (
        Read(DETAIL, detail, person.headers, detail),
        Read(LIST, cases, person.headers, f"{cases}&person_id={person.person_id}"),
        Read(QUEUE, tasks, clerk, f"{tasks}&{whose}"),
    )
    return Prepared(samples, reads)


@contextlib.asynccontextmanager
async def bare_stack(bench: Bench, office: Office, samples: dict[str, Any]) -> AsyncIterator[str]:
    port, path = free_port(), bench.folder / "samples.json"
    path.write_text(json.dumps(samples, ensure_ascii=False))
    environment = {
        "BENCH_DATABASE_URL": office.database_url,
        "BENCH_POOL_SIZE": str(POOL_SIZE),
        "BENCH_SAMPLES": str(path),
    }
    base_url = f"http://127.0.0.1:{port}"
    async with bench.process(
        uvicorn("tests.load.baselines.bare_stack:app", port),
        env=environment,
        ready=f"{base_url}/readyz",
    ):
        yield base_url


async def submissions(bench: Bench) -> Sequence[Outcome]:
    async with case_office(bench, people=CONNECTIONS) as office:
        prepared = await prepare(office)
        requests = [application for person in office.people for application in person.applications]

        async def rate(base_url: str) -> float:
            return (await bench.load(base_url, requests, status=201)).requests_per_second

        async with bare_stack(bench, office, prepared.samples) as bare_url:
            await ensure_same_rows(office, bare_url)
            await bench.load(office.base_url, requests, status=201, seconds=1)  # warm
            await bench.load(bare_url, requests, status=201, seconds=1)
            rounds = await bench.alternate(lambda: rate(office.base_url), lambda: rate(bare_url))
    notes = f"{len(prepared.samples['submissions'])} items, {CONNECTIONS} connections"
    return [ratio_outcome(SUBMISSION, "per second", rounds, notes=notes)]


async def ensure_same_rows(office: Office, bare_url: str) -> None:
    """An application must add as many rows to every table through the bare stack."""
    bare = Connections(bare_url)
    added = []
    async with connected(office.database_url) as connection:
        for connections in (office.connections, bare):
            before = await row_counts(connection)
            for application in office.people[0].applications:
                await submit(connections, application)
            after = await row_counts(connection)
            added.append({table: after[table] - before[table] for table in after})
    bare.close()
    if added[0] != added[1]:
        raise RuntimeError(f"the service added {added[0]}, the bare stack {added[1]}")


async def row_counts(connection: "asyncpg.Connection") -> dict[str, int]:
    tables = await connection.fetch("SELECT relname AS name FROM pg_stat_user_tables")
    return {name: await connection.fetchval(f'SELECT count(*) FROM "{name}"') for (name,) in tables}


async def reads(bench: Bench) -> Sequence[Outcome]:
    async with case_office(bench, people=1) as office:
        prepared = await prepare(office)
        async with bare_stack(bench, office, prepared.samples) as bare_url:
            for read in prepared.reads:
                await ensure_alike(office, read, bare_url)
            return [
                await compare(bench, read, office.base_url, bare_url) for read in prepared.reads
            ]


async def compare(bench: Bench, read: Read, base_url: str, bare_url: str) -> Outcome:
    ours, bare = Request(read.path, headers=read.headers), Request(read.bare_path)

    async def rate(address: str, request: Request) -> float:
        return (await bench.load(address, [request])).requests_per_second

    await bench.load(base_url, [ours], seconds=1)  # warm
    await bench.load(bare_url, [bare], seconds=1)
    rounds = await bench.alternate(lambda: rate(base_url, ours), lambda: rate(bare_url, bare))
    return ratio_outcome(read.promise, "per second", rounds)


async def ensure_alike(office: Office, read: Read, bare_url: str) -> None:
    """Both answers must have the same members and as many lines."""
    connections = Connections(bare_url)
    bare = await connections.send("GET", read.bare_path)
    connections.close()
    ours = await office.read(read.path, read.headers)
    if bare.status != 200 or shape(bare.json()) != shape(ours):
        raise RuntimeError(f"{read.bare_path}: the bare stack's answer has another shape")


def shape(answer: dict[str, Any]) -> list[Any]:
    lines = answer.get("data", [])
    return [sorted(answer), len(lines), sorted(lines[0]) if lines else []]


ROWS = (
    Row("submission, against the bare stack", [SUBMISSION], submissions, seconds=55),
    Row("reads of cases, against the bare stack", [DETAIL, LIST, QUEUE], reads, seconds=120),
)
