"""Connections to the database: what one learns the next one knows, and who is gone is noticed."""

import asyncio
import socket
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from functools import partial
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


async def test_server_is_asked_to_notice_a_client_that_is_lost(pooled):
    """Or its lock would stop a service's events until TCP gives up, in two hours."""
    async with alone(pooled) as line:
        rows = await line.fetch("SELECT name, reset_val FROM pg_settings WHERE source = 'client'")
    kept = {row["name"]: row["reset_val"] for row in rows}
    assert (kept["tcp_keepalives_idle"], kept["tcp_user_timeout"]) == ("10", "30000")
    assert (kept["tcp_keepalives_interval"], kept["tcp_keepalives_count"]) == ("5", "3")


async def test_client_notices_a_server_that_is_lost(pooled):
    url = pooled.engine.url
    async with over_tcp(url.query["host"], url.query.get("port", "5432")) as port:
        engine = new_engine(str(url.set(query={}, host="127.0.0.1", port=port)))
        async with alone(replace(pooled, engine=engine)) as line:
            kept = line._transport.get_extra_info("socket")
            option = partial(kept.getsockopt, socket.IPPROTO_TCP)
            assert kept.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
            assert option(socket.TCP_KEEPIDLE) + 3 * option(socket.TCP_KEEPINTVL) <= 30
            assert option(socket.TCP_USER_TIMEOUT) == 30_000
        await engine.dispose()


@asynccontextmanager
async def over_tcp(folder, port):
    """The tests' server listens on a socket of the file system only; this is a way by TCP."""

    async def passing(reader, writer):
        with suppress(ConnectionError):
            while content := await reader.read(65536):
                writer.write(content)
        writer.close()

    async def joined(reader, writer):
        there = await asyncio.open_unix_connection(f"{folder}/.s.PGSQL.{port}")
        await asyncio.gather(passing(reader, there[1]), passing(there[0], writer))

    server = await asyncio.start_server(joined, "127.0.0.1", 0)
    yield server.sockets[0].getsockname()[1]
    server.close()
    await asyncio.sleep(0.05)  # until both ways have closed
