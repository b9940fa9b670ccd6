"""Row 6: how many statements PostgreSQL is asked to run for a request.

`pg_stat_statements` counts them in the server, so the services are measured as they are. BEGIN,
COMMIT and SET do not count. The services run without their workers; one request follows another.
"""

import contextlib
import itertools
import json
import statistics
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit

import asyncpg

from ..applications import CASES, JSON, Item, accept, counter_item, post, submit
from ..bench import Bench
from ..catalogue import fill
from ..frame import Outcome, Row, figure_outcome
from ..loader import Connections
from ..promises import STATEMENTS
from ..servers import connected, database_url, postgres_server
from ..services import service
from ..tokens import published_signer
from .cases import Office, case_office

WARM = 3  # requests that fill caches, prepare statements and learn types
TURNS = 8
ITEMS = 1_000
WORD = "登记"
GRANTED = {"outcome": "granted", "reason": "符合条件"}
RAN = """
SELECT coalesce(sum(calls), 0)::int FROM pg_stat_statements
WHERE dbid = (SELECT oid FROM pg_database WHERE datname = $1)"""
Turn = Callable[[], Awaitable[Any]]


@dataclass(frozen=True)
class StatementCounter:
    """Counts in one database, from a connection to another one."""

    connection: "asyncpg.Connection"
    database: str

    async def during(self, turn: Turn) -> int:
        await self.connection.execute("SELECT pg_stat_statements_reset()")
        await turn()
        return int(await self.connection.fetchval(RAN, self.database))

    async def outcome(self, kind: str, turn: Turn) -> Outcome:
        """The median of several requests; the first ones only warm up."""
        counts = [await self.during(turn) for _ in range(WARM + TURNS)][WARM:]
        notes = f"{min(counts)}–{max(counts)} in {len(counts)} requests"
        if not statistics.median(counts):
            raise RuntimeError(f"no statement was counted for a {kind}")
        return figure_outcome(STATEMENTS[kind], counts, notes=notes)


@contextlib.asynccontextmanager
async def statement_counter(url: str) -> AsyncIterator[StatementCounter]:
    async with connected(database_url(url, "postgres")) as connection:
        await connection.execute("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")
        yield StatementCounter(connection, urlsplit(url).path.removeprefix("/"))


async def counted(bench: Bench) -> Sequence[Outcome]:
    return [*await of_cases(bench), await of_searches(bench)]


async def of_cases(bench: Bench) -> list[Outcome]:
    """All by one clerk and one citizen, on an item that is decided at the counter."""
    async with (
        case_office(bench, people=1, count_statements=True) as office,
        statement_counter(office.database_url) as counter,
    ):
        item, citizen = counter_item(office.items), office.people[0]
        clerk = office.signer.headers("staff", roles=["clerk", "decider"], **item.department)
        applications = itertools.cycle(citizen.applications)
        decided = iter(await accepted_cases(office, item, clerk))
        seen: list[str] = []

        async def submission() -> None:
            await submit(office.connections, next(applications))

        async def decision() -> None:
            seen.append(next(decided))
            path = f"{CASES}/{seen[-1]}/decision"
            await post(office.connections, path, {**JSON, **clerk}, json.dumps(GRANTED))

        async def detail() -> None:
            await office.read(f"{CASES}/{seen.pop()}", clerk)

        async def queue() -> None:
            await office.read("/api/v1/tasks?scope=pool&limit=20", clerk)

        turns = {"submission": submission, "decision": decision, "detail": detail, "queue": queue}
        return [await counter.outcome(kind, turn) for kind, turn in turns.items()]


async def accepted_cases(office: Office, item: Item, clerk: dict[str, str]) -> list[str]:
    """Cases that the clerk has accepted; others stay in the pool, so that the queue has lines."""
    application = office.people[0].application_to(item)
    for _ in range(2 * (WARM + TURNS)):
        await submit(office.connections, application)
    page = await office.read("/api/v1/tasks?scope=pool&limit=100", clerk)
    tasks = [task for task in page["data"] if task["item_name"] == item.guide["name"]]
    for task in tasks[: WARM + TURNS]:
        await accept(office.connections, clerk, task["case_id"], task["task_id"])
    return [task["case_id"] for task in tasks[: WARM + TURNS]]


async def of_searches(bench: Bench) -> Outcome:
    async with postgres_server(count_statements=True) as postgres, published_signer() as signer:
        url = await postgres.database("bench_catalog")
        async with service(bench, "catalog", url, signer) as base_url:
            await fill(url, ITEMS)
            connections = Connections(base_url)

            async def search() -> None:
                answer = await connections.send("GET", f"/api/v1/items?q={quote(WORD)}&limit=20")
                if answer.status != 200 or len(answer.json()["data"]) != 20:
                    raise RuntimeError(f"a search was answered {answer.status}, or no full page")

            async with statement_counter(url) as counter:
                outcome = await counter.outcome("search", search)
            connections.close()
    return outcome


ROWS = (Row("statements a request", list(STATEMENTS.values()), counted, seconds=40, fixed=True),)
