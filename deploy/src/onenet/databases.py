"""One database and two roles per service: the owner migrates, the app role cannot alter tables."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote, urlsplit, urlunsplit

import asyncpg

from onenet.failures import Unusable

GONE: Final = (asyncpg.PostgresError, asyncpg.InterfaceError, OSError)
READY_SECONDS: Final = 40


@dataclass(frozen=True)
class Database:
    """Addresses of one service's database, as its app role and as its owner."""

    app_url: str
    owner_url: str


def address(server_url: str, *, database: str, role: str, password: str) -> str:
    """The server's address with another database and role."""
    parts = urlsplit(server_url)
    place = parts.netloc.rpartition("@")[2]
    netloc = f"{quote(role)}:{quote(password, safe='')}@{place}"
    return urlunsplit(("postgresql", netloc, f"/{database}", parts.query, ""))


def database_of(service: str, server_url: str, passwords: Mapping[str, str]) -> Database:
    name = f"onenet_{service}"
    app, owner = f"{name}_app", f"{name}_owner"
    return Database(
        app_url=address(server_url, database=name, role=app, password=passwords[app]),
        owner_url=address(server_url, database=name, role=owner, password=passwords[owner]),
    )


def roles_of(services: Sequence[str]) -> list[str]:
    return [f"onenet_{service}_{kind}" for service in services for kind in ("owner", "app")]


def wait_until_ready(server_url: str, *, still_there: object = None) -> None:
    """Returns when the server answers; `still_there` is called between attempts and may raise."""
    deadline = time.monotonic() + READY_SECONDS
    while True:
        try:
            asyncio.run(_ask(server_url))
        except asyncpg.InvalidPasswordError:
            raise Unusable(
                "The database refuses its password: secrets.json belongs to other data; put it"
                " back from a copy, or forget all data with `make reset`."
            ) from None
        except GONE as error:
            if callable(still_there):
                still_there()
            if time.monotonic() > deadline:
                raise Unusable(f"The database does not answer: {error}") from error
            time.sleep(0.05)
        else:
            return


async def _ask(url: str) -> None:
    connection = await asyncpg.connect(_plain(url), timeout=5)
    await connection.close()


def make_databases(
    server_url: str, services: Sequence[str], passwords: Mapping[str, str]
) -> dict[str, Database]:
    """Create missing roles and databases; passwords and rights are set each time."""
    asyncio.run(_make_all(server_url, services, passwords))
    return {service: database_of(service, server_url, passwords) for service in services}


async def _make_all(url: str, services: Sequence[str], passwords: Mapping[str, str]) -> None:
    connection = await asyncpg.connect(_plain(url), timeout=10)
    try:
        for role in roles_of(services):
            exists = await connection.fetchval("SELECT 1 FROM pg_roles WHERE rolname = $1", role)
            verb = "ALTER" if exists else "CREATE"
            # Roles cannot be parameters; ours are fixed words, the passwords hexadecimal.
            await connection.execute(f"{verb} ROLE {role} LOGIN PASSWORD '{passwords[role]}'")
            await connection.execute(f"GRANT {role} TO CURRENT_USER")
        for service in services:
            await _make_database(connection, f"onenet_{service}")
    finally:
        await connection.close()
    for service in services:
        await _grant(url, f"onenet_{service}")


async def _make_database(connection: "asyncpg.Connection", name: str) -> None:
    known = await connection.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", name)
    if not known:
        await connection.execute(
            f"CREATE DATABASE {name} OWNER {name}_owner ENCODING 'UTF8' TEMPLATE template0"
        )
    await connection.execute(f"REVOKE ALL ON DATABASE {name} FROM PUBLIC")
    await connection.execute(f"GRANT CONNECT ON DATABASE {name} TO {name}_app")


async def _grant(url: str, name: str) -> None:
    parts = urlsplit(url)
    connection = await asyncpg.connect(
        _plain(urlunsplit(parts._replace(path=f"/{name}"))), timeout=10
    )
    owner, app = f"{name}_owner", f"{name}_app"
    try:
        await connection.execute(
            f"""
            ALTER SCHEMA public OWNER TO {owner};
            REVOKE ALL ON SCHEMA public FROM PUBLIC;
            GRANT USAGE ON SCHEMA public TO {app};
            GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {app};
            GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {app};
            ALTER DEFAULT PRIVILEGES FOR ROLE {owner} IN SCHEMA public
                GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {app};
            ALTER DEFAULT PRIVILEGES FOR ROLE {owner} IN SCHEMA public
                GRANT USAGE, SELECT ON SEQUENCES TO {app};
            """
        )
    finally:
        await connection.close()


def drop_databases(server_url: str, services: Sequence[str]) -> None:
    """Drop the databases and roles of `make_databases`, with all data."""
    asyncio.run(_drop_all(server_url, services))


async def _drop_all(url: str, services: Sequence[str]) -> None:
    connection = await asyncpg.connect(_plain(url), timeout=10)
    try:
        for service in services:
            await connection.execute(f"DROP DATABASE IF EXISTS onenet_{service} WITH (FORCE)")
        for role in roles_of(services):
            await connection.execute(f"DROP ROLE IF EXISTS {role}")
    finally:
        await connection.close()


def _plain(url: str) -> str:
    """Without the driver that an address of SQLAlchemy may name, which asyncpg refuses."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(scheme=parts.scheme.partition("+")[0]))
