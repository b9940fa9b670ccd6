"""One Alembic runner for every service: a lock, a lock timeout, the owner role."""

import asyncio
from importlib import import_module
from importlib.resources import files
from pathlib import Path

import structlog
from alembic import command, context
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, MetaData, pool, text
from sqlalchemy.ext.asyncio import create_async_engine

from chassis.database.engine import async_url

_LOCK = 0x0A1E
log = structlog.get_logger()


def configuration(migrations: str, url: str = "") -> Config:
    """Alembic's configuration for `package:folder`, without an ini file."""
    package, folder = migrations.split(":")
    config = Config()
    config.set_main_option(
        "script_location", str(Path(str(files(import_module(package)))) / folder)
    )
    config.set_main_option("file_template", "%%(year)d_%%(month).2d_%%(day).2d_%%(slug)s")
    config.attributes["url"] = url
    return config


def head(migrations: str) -> str:
    """The revision the code needs the database to be at."""
    return ScriptDirectory.from_config(configuration(migrations)).get_current_head() or ""


def older(migrations: str) -> frozenset[str]:
    """The revisions before head; one that is in neither was made by newer code."""
    script = ScriptDirectory.from_config(configuration(migrations))
    return frozenset(one.revision for one in script.walk_revisions()) - {head(migrations)}


def upgrade(migrations: str, url: str) -> None:
    """Bring the database to head; concurrent runs wait for one another.

    A database that newer code has migrated is left as it is: migrations only add, so this code
    can work on it, and a pod of the release before must be able to start again.
    """
    command.upgrade(configuration(migrations, url), "head")


def run_env(metadata: MetaData) -> None:
    """What each service's env.py calls."""
    connection: Connection | None = context.config.attributes.get("connection")
    if connection is not None:
        _migrate(connection, metadata)
        return
    asyncio.run(_connect(metadata, context.config.attributes["url"]))


async def _connect(metadata: MetaData, url: str) -> None:
    engine = create_async_engine(async_url(url), poolclass=pool.NullPool)
    async with engine.begin() as connection:
        await connection.run_sync(_migrate, metadata)
    await engine.dispose()


def _migrate(connection: Connection, metadata: MetaData) -> None:
    connection.execute(text(f"SELECT pg_advisory_xact_lock({_LOCK})"))
    made = MigrationContext.configure(connection).get_current_revision()
    if made not in {None, *(one.revision for one in context.script.walk_revisions())}:
        log.warning("database_is_newer", revision=made)
        return
    # A migration that waits behind a long transaction would stop every request behind it.
    connection.execute(text("SET LOCAL lock_timeout = '5s'"))
    context.configure(connection=connection, target_metadata=metadata, compare_type=True)
    context.run_migrations()
