"""Connections to the database: what one has learned the next one knows, and nothing too much."""

import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace
from uuid import uuid4

import pytest
import pytest_asyncio

from chassis.db import new_engine
from chassis.driver import alone

SOUGHT = "typeinfo_tree"  # the driver's question about types


@pytest_asyncio.fixture
async def pooled(concurrent_here):
    """As a service opens it; the tests' own engine keeps no connections."""
    engine = new_engine(concurrent_here.engine.url.render_as_string(hide_password=False))
    yield replace(concurrent_here, engine=engine)
    await engine.dispose()


@asynccontextmanager
async def two_lines(here):
    """A connection, and another beside it whose statements are noted."""
    asked = []
    async with alone(here) as first, alone(here) as second:
        note = asked.append
        second.add_query_logger(note)
        yield first, second, asked
        await asyncio.sleep(0.01)  # notes are taken a turn of the loop later
        second.remove_query_logger(note)


async def array_comes_back(line, value, kind):
    return await line.fetchval(f"SELECT $1::{kind}[]", [value]) == [value]


@pytest.mark.parametrize(("kind", "value"), [("uuid", uuid4()), ("bytea", b"x"), ("int8", 7)])
async def test_postgresqls_own_types_are_learned_once(pooled, kind, value):
    async with two_lines(pooled) as (first, second, asked):
        assert await array_comes_back(first, value, kind)
        assert await array_comes_back(second, value, kind)
    assert [one.query for one in asked] == [f"SELECT $1::{kind}[]"]


async def test_type_of_one_database_is_learned_by_each_connection(pooled):
    async with two_lines(pooled) as (first, second, asked):
        await first.execute("CREATE TYPE mood AS ENUM ('glad', 'sad')")
        assert await array_comes_back(first, "glad", "mood")
        assert await array_comes_back(second, "sad", "mood")
    assert any(SOUGHT in one.query for one in asked)
