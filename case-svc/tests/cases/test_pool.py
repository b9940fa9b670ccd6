"""Submissions on the pool the service has in operation."""

import asyncio

import asyncpg
import pytest_asyncio

from chassis.database.engine import new_engine
from chassis.testing.plugin import on_engine

from .applying import person_with_item, submit


@pytest_asyncio.fixture
async def pooled(prepared, concurrent_process, busy_world):
    url = concurrent_process.engine.url.render_as_string(hide_password=False)
    engine = new_engine(url)
    prepared.app.state.process = on_engine(concurrent_process, engine)
    yield
    await engine.dispose()


async def test_next_submission_after_lost_connections_succeeds(busy_world, pooled):
    person, item = await person_with_item(busy_world)
    body = await busy_world.body(person.id, item)
    await asyncio.gather(*(submit(person, body, f"k{n}") for n in range(4)))
    url = busy_world.process.engine.url.set(drivername="postgresql")
    outside = await asyncpg.connect(url.render_as_string(hide_password=False))
    ended = await outside.fetch(
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    await outside.close()
    assert ended
    answers = [await submit(person, body, f"after{n}") for n in range(4)]
    assert [answer.status_code for answer in answers] == [201] * 4


async def test_numbers_given_at_once_have_no_gap(busy_world, pooled):
    person, item = await person_with_item(busy_world)
    body = await busy_world.body(person.id, item)
    answers = await asyncio.gather(*(submit(person, body, f"k{n}") for n in range(8)))
    numbers = sorted(int(answer.json()["case_no"][-4:]) for answer in answers)
    assert numbers == list(range(1, 9))
