"""What several ask at the same moment: one statement, nobody's fault but one's own, in order."""

import asyncio

import asyncpg
import pytest
import pytest_asyncio
import sqlalchemy as sa

from chassis.db import together, transaction
from chassis.driver import alone, driver, leading, settled


@pytest_asyncio.fixture
async def here(concurrent_here):
    async with alone(concurrent_here) as database:
        await database.execute("CREATE TABLE one (name text PRIMARY KEY, batch int)")
    return concurrent_here


class Writing:
    """Writes names; tells how many were written with each."""

    def __init__(self):
        self.batches = []

    async def __call__(self, database, names):
        self.batches.append(list(names))
        await database.execute("INSERT INTO one SELECT unnest($1::text[])", names)
        return [len(names)] * len(names)


async def ask(here, verb, name):
    async with transaction(here) as session:
        return await together(session, verb, name)


async def names_in(here):
    async with alone(here) as database:
        return {row["name"] for row in await database.fetch("SELECT name FROM one")}


async def test_those_who_ask_at_once_share_a_statement(here):
    writing = Writing()
    found = await asyncio.gather(*(ask(here, writing, f"n{n}") for n in range(100)))
    assert len(found) == 100
    assert max(found) > 1
    assert sum(map(len, writing.batches)) == 100
    assert await names_in(here) == {f"n{n}" for n in range(100)}


async def test_fault_of_one_is_nobody_elses(here):
    writing = Writing()
    asked = (ask(here, writing, name) for name in ("a", "b", "a", "c"))
    found = await asyncio.gather(*asked, return_exceptions=True)
    assert [type(one) for one in found] == [int, int, asyncpg.UniqueViolationError, int]
    assert await names_in(here) == {"a", "b", "c"}
    assert writing.batches[0] == ["a", "b", "a", "c"]


async def test_many_share_few_statements_also_beside_a_fault(here):
    writing = Writing()
    names = [f"n{n}" for n in range(63)] + ["n0"]
    found = await asyncio.gather(*(ask(here, writing, n) for n in names), return_exceptions=True)
    faulty = [one for one in found if isinstance(one, asyncpg.UniqueViolationError)]
    assert len(faulty) == 1
    assert await names_in(here) == set(names)
    assert len(writing.batches) <= 25


async def test_who_went_away_before_the_statement_is_not_written(here):
    writing = Writing()
    gone = asyncio.create_task(ask(here, writing, "gone"))
    stays = asyncio.create_task(ask(here, writing, "stays"))
    await asyncio.sleep(0)
    gone.cancel()
    await asyncio.wait_for(stays, 5)
    assert writing.batches == [["stays"]]


async def test_heavy_ones_share_with_fewer(here):
    writing = Writing()

    async def ask_heavily(name, weight):
        async with transaction(here) as session:
            return await together(session, writing, name, weight=weight)

    await asyncio.gather(*(ask_heavily(f"n{n}", weight) for n, weight in enumerate((40, 40, 200))))
    assert writing.batches == [["n0"], ["n1"], ["n2"]]


async def test_who_asks_apart_does_not_wait_for_others(here):
    gate = asyncio.Event()

    async def verb(database, names):
        if names == ["slow"]:
            await gate.wait()
        return names

    async def ask_apart(name):
        async with transaction(here) as session:
            return await together(session, verb, name, apart=name)

    slow = asyncio.create_task(ask_apart("slow"))
    assert await asyncio.wait_for(ask_apart("quick"), 5) == "quick"
    gate.set()
    assert await slow == "slow"


async def test_value_the_database_cannot_take_is_nobody_elses(here):
    asked = (ask(here, Writing(), name) for name in ("a", "\0", "b"))
    found = await asyncio.gather(*asked, return_exceptions=True)
    assert [type(one) for one in found] == [int, asyncpg.CharacterNotInRepertoireError, int]
    assert await names_in(here) == {"a", "b"}


async def test_failure_of_the_statement_reaches_all_who_wait(here):
    async def failing(database, names):
        await database.execute("SELECT FROM nowhere")

    asked = (ask(here, failing, name) for name in ("a", "b"))
    found = await asyncio.gather(*asked, return_exceptions=True)
    assert [type(one) for one in found] == [asyncpg.UndefinedTableError] * 2


async def test_answer_too_few_is_a_failure_and_no_silence(here):
    async def forgetful(database, names):
        return []

    with pytest.raises(ValueError, match="zip"):
        await asyncio.wait_for(ask(here, forgetful, "a"), 5)


async def test_nobody_waits_for_ever_at_the_end_of_a_turn(here):
    writing = Writing()

    async def in_a_row(who):
        for number in range(20):
            await ask(here, writing, f"{who} {number}")

    await asyncio.wait_for(asyncio.gather(*(in_a_row(who) for who in range(5))), 30)
    assert len(await names_in(here)) == 100


async def test_who_is_cancelled_takes_nobody_along(here):
    writing = Writing()
    gone = asyncio.create_task(ask(here, writing, "gone"))
    stays = asyncio.create_task(ask(here, writing, "stays"))
    await asyncio.sleep(0)
    gone.cancel()
    assert await asyncio.wait_for(stays, 5) >= 1
    with pytest.raises(asyncio.CancelledError):
        await gone


async def test_session_that_has_begun_asks_in_its_own_transaction(here):
    async def broken():
        async with transaction(here) as session:
            await (await session.connection()).exec_driver_sql("INSERT INTO one VALUES ('mine')")
            assert await together(session, Writing(), "also mine") == 1
            raise LookupError

    with pytest.raises(LookupError):
        await broken()
    assert await names_in(here) == set()


async def test_reader_that_fails_or_goes_away_leaves_its_place(here):
    async def fail():
        async with settled(here.reading(info={"context": here})) as session:
            await (await driver(session)).fetch("SELECT FROM nowhere")

    async def wait():
        async with settled(here.reading(info={"context": here})) as session:
            await (await driver(session)).fetch("SELECT pg_sleep(5)")

    for _ in range(3 * here.settings.pool_size):
        with pytest.raises(asyncpg.UndefinedTableError):
            await fail()
        gone = asyncio.create_task(wait())
        await asyncio.sleep(0.02)
        gone.cancel()
        await asyncio.gather(gone, return_exceptions=True)
    async with asyncio.timeout(5), settled(here.reading(info={"context": here})) as session:
        assert await (await driver(session)).fetchval("SELECT 1") == 1


class TestLentLine:
    """What a consumer works on, one transaction after the other."""

    @pytest_asyncio.fixture
    async def line(self, here):
        async with alone(here) as database:
            await database.execute(
                "CREATE TABLE late (name text UNIQUE DEFERRABLE INITIALLY DEFERRED)"
            )
        async with leading(here, "this test") as connection:
            yield connection

    async def write(self, here, line, *names, then=None):
        async with transaction(here, line) as session:
            for name in names:
                await (await driver(session)).execute("INSERT INTO late VALUES ($1)", name)
            if then is not None:
                raise then

    async def late(self, here):
        async with alone(here) as database:
            return sorted(row["name"] for row in await database.fetch("SELECT name FROM late"))

    async def test_each_transaction_is_whole_or_nothing(self, here, line):
        await self.write(here, line, "a", "b")
        with pytest.raises(LookupError):
            await self.write(here, line, "c", then=LookupError())
        await self.write(here, line, "d")
        assert await self.late(here) == ["a", "b", "d"]

    async def test_line_whose_commit_failed_is_not_worked_on_again(self, here, line):
        with pytest.raises(asyncpg.UniqueViolationError):
            await self.write(here, line, "a", "a")
        assert not (await line.get_raw_connection()).is_valid
        with pytest.raises(ConnectionError):
            await self.write(here, line, "b", then=LookupError())
        assert await self.late(here) == []


async def test_connection_that_breaks_is_no_fault_of_ours(here):
    async def broken():
        async with transaction(here) as session:
            await (await driver(session)).fetchval("SELECT 1")
            await session.execute(sa.text("SELECT pg_terminate_backend(pg_backend_pid())"))

    with pytest.raises((sa.exc.DBAPIError, OSError)):
        await broken()
