"""Checks after a run, on databases, streams and answers. Every figure must be 0."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import asyncpg

from onenet.audit.verifying import pages_of
from onenet.chaos.clients import Acknowledged
from onenet.chaos.streams import stream_findings
from onenet.endpoints import Endpoints

TWO_HANDS: Final = """
    SELECT count(*) FROM (
        SELECT case_id FROM case_task WHERE status IN ('open', 'held')
        GROUP BY case_id HAVING count(*) > 1) doubled
"""
TIMELINE: Final = """
    SELECT count(*) FROM case_file f
    JOIN LATERAL (SELECT to_status FROM case_entry e WHERE e.case_id = f.case_id
                  ORDER BY sequence DESC LIMIT 1) last ON true
    WHERE f.case_no IS NOT NULL AND last.to_status <> f.status
"""
TRACES: Final = """
    SELECT (SELECT count(*) FROM sign_in_attempt WHERE NOT succeeded),
           (SELECT count(*) FROM sign_in WHERE end_reason = 'authorization code replayed')
"""
STUCK: Final = {
    "events parked": "SELECT count(*) FROM outbox_event WHERE parked_reason IS NOT NULL",
    "dead letters": "SELECT count(*) FROM dead_letter WHERE redriven_at IS NULL",
}


@dataclass(frozen=True)
class Before:
    """Traces left by earlier runs."""

    failed_sign_ins: int
    replays: int


async def before(endpoints: Endpoints) -> Before:
    ((failed, replays),) = await _rows(endpoints.databases["identity"], TRACES)
    return Before(failed, replays)


async def findings(endpoints: Endpoints, said: Acknowledged, earlier: Before) -> dict[str, int]:
    """How many things were lost or doubled, by kind."""
    found = await case_findings(endpoints.databases, said)
    found |= await trace_findings(endpoints, said, earlier)
    for name, question in STUCK.items():
        counts = [(await _column(one, question))[0] for one in endpoints.databases.values()]
        found[name] = sum(counts)
    for page in await pages_of(endpoints, files=True):
        found[page.name] = page.wrong
    return found | await stream_findings(endpoints)


async def case_findings(databases: Mapping[str, str], said: Acknowledged) -> dict[str, int]:
    case, exchange = databases["case"], databases["exchange"]
    files = await _rows(
        case, "SELECT case_id::text, case_no, outcome FROM case_file WHERE case_no > ''"
    )
    stored = {one[0] for one in files}
    granted = {one[0] for one in files if one[2] == "granted"}
    numbers = [one[1] for one in files]
    done = await _rows(case, "SELECT case_id::text, action FROM case_entry")
    moves = {(one[0], one[1]) for one in done}
    certified = await _column(exchange, "SELECT case_id::text FROM certificate")
    rated = await _column(case, "SELECT case_id::text FROM rating WHERE service = 'application'")
    return {
        "acknowledged cases lost": len(set(said.cases.values()) - stored),
        "cases doubled for one key": len(said.cases) - len(set(said.cases.values())),
        "case numbers doubled": len(numbers) - len(set(numbers)),
        "acknowledged corrections lost": _without(said.corrections, moves, "correction"),
        "acknowledged withdrawals lost": _without(said.withdrawals, moves, "withdrawal"),
        "acknowledged decisions lost": len(said.decisions - granted),
        "acknowledged ratings lost": len(said.ratings - set(rated)),
        "ratings doubled": len(rated) - len(set(rated)),
        "grants without certificate": len(granted - set(certified)),
        "certificates doubled": len(certified) - len(set(certified)),
        "certificates without grant": len(set(certified) - granted),
        "own writes not read back": said.unread_writes,
        "repeated requests answered differently": said.unequal_answers,
        "claims acknowledged to two": sum(len(one) > 1 for one in said.claims.values()),
        "tasks in two hands": (await _column(case, TWO_HANDS))[0],
        "timelines that end elsewhere": (await _column(case, TIMELINE))[0],
    }


def _without(cases: set[str], moves: set[tuple[str, str]], action: str) -> int:
    return sum((one, action) not in moves for one in cases)


async def trace_findings(
    endpoints: Endpoints, said: Acknowledged, earlier: Before
) -> dict[str, int]:
    """Every answered refusal has left a trace; one whose answer was lost may have left one too."""
    present = await before(endpoints)
    failed = present.failed_sign_ins - earlier.failed_sign_ins
    replayed = present.replays - earlier.replays
    return {
        "failed sign-ins without trace": max(0, said.failed_sign_ins - failed),
        "replayed codes without trace": max(0, said.replays - replayed),
    }


async def _rows(url: str, question: str) -> list[Any]:
    connection = await asyncpg.connect(url)
    try:
        return list(await connection.fetch(question))
    finally:
        await connection.close()


async def _column(url: str, question: str) -> list[Any]:
    return [row[0] for row in await _rows(url, question)]
