"""The servers that tests start end with them."""

import asyncio
from pathlib import Path

import psutil
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from chassis.database.engine import async_url
from chassis.testing.servers import scratch_postgres


def is_alive(process):
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def servers_on(folder):
    """Processes that were started with the folder on their command line."""
    return [
        process
        for process in psutil.process_iter(["cmdline"])
        if str(folder) in (process.info["cmdline"] or ())
    ]


async def test_scratch_postgres_leaves_neither_process_nor_folder():
    with scratch_postgres() as url:
        engine = create_async_engine(async_url(url))
        connection = await engine.connect()  # must not delay the stop
        folder = Path(await connection.scalar(text("SHOW data_directory")))
        (server,) = servers_on(folder)
        processes = [server, *server.children()]
        await asyncio.sleep(3)  # by then nothing is left of the process before the restart
    assert len(processes) > 1
    assert [process for process in processes if is_alive(process)] == []
    assert servers_on(folder) == []
    assert not folder.parent.exists()
    await connection.invalidate()
    await engine.dispose()
