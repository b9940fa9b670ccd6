"""Connections: how many, how they are opened, and how soon a lost server is noticed."""

from typing import Any

from pydantic_core import from_json
from sqlalchemy import MetaData, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.orm import DeclarativeBase

from chassis.database import tables

# A request that finds no free connection for so long gets 503 with Retry-After.
POOL_TIMEOUT_SECONDS = 5
# No statement of ours takes so long; one that does waits for a server that is frozen or gone.
COMMAND_TIMEOUT_SECONDS = 30
SERVER_SETTINGS = {
    "application_name": "onenet",
    "timezone": "UTC",
    # The driver asks for PostgreSQL's types on each new connection; compiling that query just in
    # time takes ten times as long as running it.
    "jit": "off",
    # A client machine that is lost says nothing more. Without these the server would keep its
    # locks for hours; with them it gives up after half a minute.
    "tcp_keepalives_idle": "10",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "3",
    "tcp_user_timeout": "30000",
}


def new_base() -> type[DeclarativeBase]:
    """A declarative base of a service's own, with the chassis' tables in its metadata."""
    metadata = MetaData(naming_convention=tables.NAMING)
    for table in tables.metadata.sorted_tables:
        table.to_metadata(metadata)
    return type("Base", (DeclarativeBase,), {"metadata": metadata})


def new_engine(url: str, *, pool_size: int = 10) -> AsyncEngine:
    """An engine on asyncpg; `url` may be any PostgreSQL URL."""
    engine = create_async_engine(
        async_url(url),
        pool_size=pool_size,
        max_overflow=pool_size,
        pool_use_lifo=True,  # few connections in use, each with its statements prepared
        pool_timeout=POOL_TIMEOUT_SECONDS,
        json_deserializer=from_json,
        hide_parameters=True,  # an error's text goes into logs and dead letters
        connect_args={
            "command_timeout": COMMAND_TIMEOUT_SECONDS,
            "server_settings": SERVER_SETTINGS,
        },
    )
    event.listen(engine.sync_engine, "checkout", _refuse_closed)
    return engine


def async_url(url: str) -> URL:
    """The same URL for SQLAlchemy's asyncpg dialect."""
    return make_url(url).set(drivername="postgresql+asyncpg")


def _refuse_closed(dbapi_connection: Any, _record: Any, _proxy: Any) -> None:
    """Let the pool replace a connection whose server has gone while it was idle."""
    if dbapi_connection.driver_connection.is_closed():
        raise DisconnectionError
