"""What must hold afterwards, read from the databases themselves. Every figure must be 0."""

from collections.abc import Mapping
from typing import Any, Final

import asyncpg

from onenet.chaos.clients import Acknowledged
from onenet.databases import Database

GAPS: Final = """
    SELECT count(*) FROM (
        SELECT entity FROM outbox_event GROUP BY entity
        HAVING max(sequence) <> count(*) OR min(sequence) <> 1) gaps
"""
TWO_HANDS: Final = """
    SELECT count(*) FROM (
        SELECT case_id FROM case_task WHERE status IN ('open', 'held')
        GROUP BY case_id HAVING count(*) > 1) doubled
"""


async def findings(databases: Mapping[str, Database], said: Acknowledged) -> dict[str, int]:
    """What was lost or doubled, by name."""
    case, exchange = databases["case"], databases["exchange"]
    stored = await _column(case, "SELECT case_id::text FROM case_file WHERE case_no IS NOT NULL")
    numbers = await _column(case, "SELECT case_no FROM case_file WHERE case_no IS NOT NULL")
    granted = set(
        await _column(case, "SELECT case_id::text FROM case_file WHERE outcome = 'granted'")
    )
    certified = await _column(exchange, "SELECT case_id::text FROM certificate")
    rated = await _column(case, "SELECT case_id::text FROM rating WHERE service = 'application'")
    found = {
        "acknowledged cases lost": len(set(said.cases.values()) - set(stored)),
        "cases doubled for one key": len(said.cases) - len(set(said.cases.values())),
        "case numbers doubled": len(numbers) - len(set(numbers)),
        "acknowledged decisions lost": len(said.decisions - granted),
        "grants without certificate": len(granted - set(certified)),
        "certificates doubled": len(certified) - len(set(certified)),
        "acknowledged ratings lost": len(said.ratings - set(rated)),
        "ratings doubled": len(rated) - len(set(rated)),
        "own writes not read back": said.unread_writes,
        "tasks in two hands": (await _column(case, TWO_HANDS))[0],
    }
    return found | await _of_every_service(databases)


async def _of_every_service(databases: Mapping[str, Database]) -> dict[str, int]:
    questions = {
        "gaps in event sequences": GAPS,
        "events parked": "SELECT count(*) FROM outbox_event WHERE parked_reason IS NOT NULL",
        "dead letters": "SELECT count(*) FROM dead_letter WHERE redriven_at IS NULL",
    }
    return {
        name: sum([(await _column(database, question))[0] for database in databases.values()])
        for name, question in questions.items()
    }


async def _column(database: Database, question: str) -> list[Any]:
    connection = await asyncpg.connect(database.app_url)
    try:
        return [row[0] for row in await connection.fetch(question)]
    finally:
        await connection.close()
