"""Connections to the database: settings of the server, a server that goes, one that freezes."""

import asyncio
import os
import signal
import time
from contextlib import asynccontextmanager

import pytest
import pytest_asyncio
import sqlalchemy as sa
from sample.main import Note

from chassis.database import engine as engines
from chassis.database.engine import new_engine
from chassis.database.leadership import leading
from chassis.database.sessions import transaction
from chassis.testing.plugin import on_engine


@pytest_asyncio.fixture
async def pooled(concurrent_process):
    """As a service opens it; the tests' own engine keeps no connections."""
    engine = new_engine(concurrent_process.engine.url.render_as_string(hide_password=False))
    yield on_engine(concurrent_process, engine)
    await engine.dispose()


async def test_server_is_told_how_to_treat_our_connections(pooled):
    """Or a lost worker's lock would stop a service's events until TCP gives up, in two hours."""
    async with transaction(pooled) as session:
        rows = await session.execute(
            sa.text("SELECT name, reset_val FROM pg_settings WHERE source = 'client'")
        )
        settings = {row.name: row.reset_val for row in rows}
    assert (settings["tcp_keepalives_idle"], settings["tcp_user_timeout"]) == ("10", "30000")
    assert (settings["tcp_keepalives_interval"], settings["tcp_keepalives_count"]) == ("5", "3")
    assert (settings["jit"], settings["TimeZone"]) == ("off", "UTC")


async def test_idle_connection_whose_server_went_is_replaced(pooled, concurrent_process):
    async with transaction(pooled) as session:
        pid = await session.scalar(sa.text("SELECT pg_backend_pid()"))
    async with transaction(concurrent_process) as other:
        await other.execute(sa.text("SELECT pg_terminate_backend(:pid)"), {"pid": pid})
    await asyncio.sleep(0.1)  # until the driver has read that it was closed
    async with transaction(pooled) as session:
        assert await session.scalar(sa.text("SELECT 1")) == 1


async def test_frozen_server_is_noticed(pooled, monkeypatch):
    """A server that neither answers nor hangs up: the statement fails after its time, and the
    connection is not used again."""
    monkeypatch.setattr(engines, "COMMAND_TIMEOUT_SECONDS", 0.5)
    engine = new_engine(pooled.engine.url.render_as_string(hide_password=False))
    process = on_engine(pooled, engine)
    async with frozen_backend(process):
        begun = time.monotonic()
        with pytest.raises((TimeoutError, sa.exc.DBAPIError)):
            async with transaction(process) as session:
                await session.execute(sa.select(Note))
        assert time.monotonic() - begun < 5
    async with transaction(process) as session:
        assert await session.scalar(sa.text("SELECT 1")) == 1
    await engine.dispose()


@asynccontextmanager
async def frozen_backend(process):
    """The server process behind the pool's one idle connection stands still meanwhile."""
    async with transaction(process) as session:
        pid = await session.scalar(sa.text("SELECT pg_backend_pid()"))
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


class TestLeadersConnection:
    """A consumer gives events their effects on the connection that holds its lock."""

    @pytest_asyncio.fixture
    async def connection(self, pooled):
        async with transaction(pooled) as session:
            await session.execute(
                sa.text("CREATE TABLE late (name text UNIQUE DEFERRABLE INITIALLY DEFERRED)")
            )
        async with leading(pooled, "this test") as connection:
            yield connection

    async def write(self, process, connection, *names, then=None):
        async with transaction(process, connection) as session:
            for name in names:
                await session.execute(sa.text("INSERT INTO late VALUES (:name)"), {"name": name})
            if then is not None:
                raise then

    async def names(self, process):
        async with transaction(process) as session:
            return (await session.scalars(sa.text("SELECT name FROM late ORDER BY name"))).all()

    async def test_each_transaction_is_whole_or_nothing(self, pooled, connection):
        await self.write(pooled, connection, "a", "b")
        with pytest.raises(LookupError):
            await self.write(pooled, connection, "c", then=LookupError())
        with pytest.raises(sa.exc.IntegrityError):
            await self.write(pooled, connection, "d", "d")
        await self.write(pooled, connection, "e")
        assert await self.names(pooled) == ["a", "b", "e"]

    async def test_lock_ends_with_leading(self, pooled, connection):
        async with leading(pooled, "this test") as second:
            assert second is None
        async with leading(pooled, "something else") as third:
            assert third is not None
