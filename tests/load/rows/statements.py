"""Row 6: how many statements PostgreSQL is asked to run for a request.

`pg_stat_statements` counts them in the server, so the services are measured as they are. BEGIN,
COMMIT and SET do not count. The services run without their workers and are asked one by one.
"""

import contextlib
import statistics
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit

import asyncpg

from ..applications import CASES, JSON, Applicant, accept, counter_item, post, submit
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

    async def outcome(self, kind: str, turns: Sequence[Turn]) -> Outcome:
        """The median of several requests; the first ones only warm up."""
        counts = [await self.during(turn) for turn in turns][WARM:]
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
    async with case_office(bench, people=1, count_statements=True) as office:
        async with statement_counter(office.database_url) as counter:
            person = office.people[0]
            item = counter_item(office.items)
            clerk = office.signer.headers("staff", roles=["clerk", "decider"], **item.department)
            submissions = [
                lambda application=application: submit(office.connections, application)
                for application in (person.applications * TURNS)[: WARM + TURNS]
            ]
            outcomes = [await counter.outcome("submission", submissions)]
            case_ids = await accepted_cases(office, person, item.item_id, clerk)
            details = [
                lambda case_id=case_id: office.read(f"{CASES}/{case_id}", clerk)
                for case_id in case_ids
            ]
            decisions = [
                lambda case_id=case_id: post(
                    office.connections,
                    f"{CASES}/{case_id}/decision",
                    {**JSON, **clerk},
                    '{"outcome": "granted", "reason": "符合条件"}',
                )
                for case_id in case_ids
            ]
            outcomes.append(await counter.outcome("decision", decisions))
            outcomes.append(await counter.outcome("detail", details))
            queue = "/api/v1/tasks?scope=pool&limit=20"
            turns = [lambda: office.read(queue, clerk)] * (WARM + TURNS)
            outcomes.append(await counter.outcome("queue", turns))
    return outcomes


async def accepted_cases(
    office: Office, person: Applicant, item_id: str, clerk: dict[str, str]
) -> list[str]:
    """Cases that the clerk has accepted; others stay in the pool, so that the queue has lines."""
    application = next(one for one in person.applications if item_id in (one.body or ""))
    for _ in range(2 * (WARM + TURNS)):
        await submit(office.connections, application)
    page = await office.read("/api/v1/tasks?scope=pool&limit=100", clerk)
    tasks = [task for task in page["data"] if task["stage"] == "acceptance"]
    own = [task for task in tasks if task["item_name"] == office_name(office, item_id)]
    for task in own[: WARM + TURNS]:
        await accept(office.connections, clerk, task["case_id"], task["task_id"])
    return [task["case_id"] for task in own[: WARM + TURNS]]


def office_name(office: Office, item_id: str) -> str:
    return next(item.guide["name"] for item in office.items if item.item_id == item_id)


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
                outcome = await counter.outcome("search", [search] * (WARM + TURNS))
            connections.close()
    return outcome


ROWS = (Row("statements a request", list(STATEMENTS.values()), counted, seconds=40, fixed=True),)
