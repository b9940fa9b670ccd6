"""What several read at the same moment: one statement, and each finds what it asked for."""

import asyncio
from datetime import UTC, datetime
from uuid import uuid4

import asyncpg
import pytest
import pytest_asyncio
import sqlalchemy as sa

from case_svc.cases.queries.together import read_together
from chassis.db import transaction
from chassis.driver import alone, driver, settled

WORDS = """SELECT name, batch FROM one
WHERE name LIKE $1::VARCHAR || '%' AND batch <= $2::INTEGER ORDER BY batch DESC LIMIT $3::INTEGER"""


@pytest_asyncio.fixture
async def here(concurrent_here):
    async with alone(concurrent_here) as database:
        await database.execute("CREATE TABLE one (name text, batch int)")
        await database.execute(
            "INSERT INTO one SELECT letter || n, n FROM generate_series(1, 30) AS n,"
            " unnest(ARRAY['a', 'b', 'c']) AS letter"
        )
    return concurrent_here


async def read(here, text, *values):
    async with settled(here.reading(info={"context": here})) as session:
        return [tuple(row)[:-2] for row in await read_together(session, text, values)]


def expected(letter, last, most):
    return [(f"{letter}{n}", n) for n in range(last, max(last - most, 0), -1)]


async def test_each_finds_its_own_rows_in_their_order(here):
    asked = [(letter, last, most) for letter in "abcx" for last in (30, 7) for most in (1, 20)]
    found = await asyncio.gather(*(read(here, WORDS, *values) for values in asked))
    for values, rows in zip(asked, found, strict=True):
        assert rows == (expected(*values) if values[0] != "x" else [])


async def test_what_many_ask_at_once_is_few_statements(here):
    taken = []
    sa.event.listen(here.engine.sync_engine, "checkout", lambda *_: taken.append(1))
    await asyncio.gather(*(read(here, WORDS, "a", n, 5) for n in range(64)))
    assert len(taken) == 4


async def test_other_statement_is_asked_apart(here):
    others = "SELECT count(*) FROM one WHERE name = $1::VARCHAR"
    words, count = await asyncio.gather(read(here, WORDS, "a", 3, 1), read(here, others, "b4"))
    assert words == [("a3", 3)]
    assert count == [(1,)]


async def test_every_kind_of_value_arrives_as_it_is(here):
    text = """SELECT $1::UUID AS id, $2::TIMESTAMP WITH TIME ZONE AS moment, $3::DATE AS day,
        $4::VARCHAR AS word, $1::UUID AS again"""
    moment = datetime(2026, 2, 28, 23, 59, 59, 999999, tzinfo=UTC)
    asked = [(uuid4(), moment, moment.date(), word) for word in ("一网通办", "$1::UUID", "'", None)]
    found = await asyncio.gather(*(read(here, text, *values) for values in asked))
    assert found == [[(*values, values[0])] for values in asked]


async def test_value_the_database_cannot_take_is_nobody_elses(here):
    asked = (read(here, WORDS, letter, 1, 1) for letter in ("a", "\0", "b"))
    found = await asyncio.gather(*asked, return_exceptions=True)
    assert [type(one) for one in found] == [list, asyncpg.CharacterNotInRepertoireError, list]
    assert found[2] == [("b1", 1)]


async def test_transaction_that_has_begun_finds_what_it_wrote(here):
    async with transaction(here) as session:
        await (await driver(session)).execute("INSERT INTO one VALUES ('new', 99)")
        rows = await read_together(session, WORDS, ("new", 99, 5))
        assert [row["name"] for row in rows] == ["new"]
        assert await read(here, WORDS, "new", 99, 5) == []


async def test_what_was_committed_before_is_found(here):
    for number in range(20):
        async with transaction(here) as session:
            await (await driver(session)).execute("INSERT INTO one VALUES ('z', $1)", number)
        others = (read(here, WORDS, "a", 30, 20) for _ in range(5))
        rows, *_ = await asyncio.gather(read(here, WORDS, "z", number, 1), *others)
        assert rows == [("z", number)]


async def test_who_went_away_takes_nobody_along(here):
    gone = asyncio.create_task(read(here, WORDS, "a", 1, 1))
    stays = asyncio.create_task(read(here, WORDS, "b", 1, 1))
    await asyncio.sleep(0)
    gone.cancel()
    assert await asyncio.wait_for(stays, 5) == [("b1", 1)]
    with pytest.raises(asyncio.CancelledError):
        await gone
