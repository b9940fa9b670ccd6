"""One process at a time: a lock of PostgreSQL that lives as long as its connection."""

import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.process import Process


def lock_number(name: str, space: int) -> int:
    """A number for an advisory lock; `space` keeps locks of different purposes apart."""
    return zlib.crc32(name.encode()) | space << 40


@asynccontextmanager
async def leading(process: Process, name: str) -> AsyncIterator[AsyncConnection | None]:
    """A connection while this process alone leads `name`, None while another does.

    The lock dies with the connection: whoever works on that connection works alone.
    """
    number = lock_number(name, 2)
    async with process.engine.connect() as connection:
        async with connection.begin():
            leads = await connection.scalar(select(func.pg_try_advisory_lock(number)))
        if not leads:
            yield None
            return
        try:
            yield connection
        finally:
            try:
                async with connection.begin():
                    await connection.execute(select(func.pg_advisory_unlock(number)))
            except BaseException as error:
                await connection.invalidate()  # or the pool would keep the lock
                if not isinstance(error, Exception):
                    raise
