"""`onenet verify`: compare the books of all services and print a table."""

import asyncio
import hashlib
import json
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import asyncpg
from rich.table import Table

from exchange_svc.calls.rules.chain import START, first_break
from onenet.audit.references import REFERENCES, Difference, Reference, compare
from onenet.console import Reporter
from onenet.databases import GONE
from onenet.endpoints import Endpoints
from onenet.failures import DatabaseAway, Unexpected

STRETCH: Final = 2_000
CHUNK: Final = 1 << 20
# How long an event may take from one service to another.
ON_ITS_WAY_SECONDS: Final = 3.0

SEQUENCES: Final = """
    SELECT o.entity FROM outbox_event o JOIN outbox_sequence s USING (entity)
    GROUP BY o.entity, s.last
    HAVING max(o.sequence) <> s.last OR max(o.sequence) - min(o.sequence) + 1 <> count(*)
    ORDER BY o.entity
"""
FILES: Final = "SELECT object_key, size, sha256 FROM stored_file ORDER BY file_id"


@dataclass(frozen=True)
class Page:
    """One book: how many rows were compared and which do not agree."""

    name: str
    compared: int
    wrong: int
    examples: list[str]


Connections = Mapping[str, "asyncpg.Connection"]


def verify(reporter: Reporter, endpoints: Endpoints, *, files: bool = True) -> None:
    """Raises Unexpected when anything does not agree."""
    with reporter.step("Comparing the books"):
        pages = asyncio.run(pages_of(endpoints, files=files))
    table = Table("Book", "Compared", "Wrong", "For instance", box=None)
    for page in pages:
        colour = "red" if page.wrong else "green"
        count = f"[{colour}]{page.wrong}[/]"
        table.add_row(page.name, str(page.compared), count, "; ".join(page.examples))
    reporter.console.print(table)
    wrong = [page.name for page in pages if page.wrong]
    if wrong:
        raise Unexpected(
            f"These books do not agree: {'; '.join(wrong)}. docs/operations.md, “When the books do"
            " not agree”, says what to do."
        )
    reporter.say("Every book agrees.")


async def pages_of(endpoints: Endpoints, *, files: bool) -> list[Page]:
    async with AsyncExitStack() as stack:
        connections: dict[str, asyncpg.Connection] = {}
        for name, url in endpoints.databases.items():
            try:
                connections[name] = await asyncpg.connect(url, timeout=10)
            except GONE as error:
                raise DatabaseAway(name, type(error).__name__) from error
            stack.push_async_callback(connections[name].close)
        pages = [await check_ledger(connections["exchange"])]
        pages += [await check_sequences(name, one) for name, one in connections.items()]
        pages += await check_references(connections)
        if files and endpoints.files is not None:
            pages.append(await check_files(connections["case"], endpoints.files / "case"))
        return pages


async def check_ledger(exchange: "asyncpg.Connection") -> Page:
    """The chain from its beginning, every hash computed again."""
    position, head = 0, START
    while True:
        rows = await exchange.fetch(
            "SELECT position, previous, hash, content FROM ledger_entry WHERE position > $1"
            " ORDER BY position LIMIT $2",
            *(position, STRETCH),
        )
        links = [(one[0], one[1], one[2], json.loads(one[3])) for one in rows]
        broken = first_break(links, after=position, head=head)
        if broken is not None:
            return Page("hash chain of the access ledger", broken - 1, 1, [f"breaks at {broken}"])
        if not rows:
            noted = [f"head {head[:16]} at {position}"] if position else []
            return Page("hash chain of the access ledger", position, 0, noted)
        position, head = rows[-1]["position"], rows[-1]["hash"]


async def check_sequences(name: str, connection: "asyncpg.Connection") -> Page:
    """Stored events of an entity have no gap, and the last one has the last number assigned."""
    gaps = [row["entity"] for row in await connection.fetch(SEQUENCES)]
    entities = await connection.fetchval("SELECT count(*) FROM outbox_sequence")
    return Page(f"event sequences of {name}", entities, len(gaps), gaps[:3])


async def check_references(connections: Connections) -> list[Page]:
    first = {reference: await _compared(connections, reference) for reference in REFERENCES}
    if any(difference.keys for difference in first.values()):
        await asyncio.sleep(ON_ITS_WAY_SECONDS)
    pages = []
    for reference, difference in first.items():
        # While the platform works, events are on their way; a difference that stays is wrong.
        wrong = difference.keys and (
            difference.keys & (await _compared(connections, reference)).keys
        )
        pages.append(Page(reference.name, difference.compared, len(wrong), sorted(wrong)[:3]))
    return pages


async def _compared(connections: Connections, of: Reference) -> Difference:
    return await compare(connections[of.told_by], connections[of.known_by], of)


async def check_files(case: "asyncpg.Connection", folder: Path) -> Page:
    """Every stored file exists with the size and the digest it was stored with."""
    rows = await case.fetch(FILES)
    wrong = [
        row["object_key"]
        for row in rows
        if not await asyncio.to_thread(is_intact, folder / row["object_key"], row)
    ]
    return Page("files and their digests", len(rows), len(wrong), wrong[:3])


def is_intact(path: Path, row: Mapping[str, Any]) -> bool:
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while chunk := file.read(CHUNK):
                digest.update(chunk)
    except OSError:
        return False
    return bool(path.stat().st_size == row["size"] and digest.digest() == row["sha256"])
