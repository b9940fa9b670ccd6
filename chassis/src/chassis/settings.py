"""What a process is given: settings from outside, and the context its sessions carry.

Nothing here has a secret as its default, and nothing reads the environment at import.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from nats.aio.client import Client
from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict
from sqlalchemy import Connection, Engine
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker
from sqlalchemy.orm import Session
from sqlalchemy.pool import QueuePool
from sqlalchemy.util.concurrency import greenlet_spawn

from chassis.auth import TokenKeys
from chassis.files import FileStore
from chassis.vault import Vault


class ServiceSettings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="ONENET_", frozen=True, extra="ignore")

    database_url: SecretStr = Field(
        description="The service's own database, as its app role: postgresql://user:secret@host/db"
    )
    migration_database_url: SecretStr | None = Field(
        default=None, description="The same database as its owner role; only `migrate` needs it"
    )
    nats_url: str = Field(description="NATS with JetStream: nats://host:4222")
    files_url: str = Field(description="Object storage: file:///folder or s3://bucket/prefix")
    issuer: str = Field(description="Public address of the gateway; also the token issuer")
    keys_url: str = Field(
        description="Where token keys come from: {identity}/.well-known/jwks.json"
    )
    vault_keys: SecretStr = Field(
        description="Column encryption keys, `id:base64,id:base64`, 32 bytes each, current first"
    )
    seal_keys: SecretStr = Field(
        default=SecretStr("{}"),
        description='Keys of sealed members: {"identity>case": {"k1": "<base64>"}}, newest last',
    )
    host: str = Field(default="127.0.0.1", description="Address to listen on")
    port: int = Field(default=8000, description="Port to listen on")
    listen_fd: int | None = Field(
        default=None,
        description="A listening socket handed down by whoever starts the process, beside the port",
    )
    drain_seconds: float = Field(
        default=0, description="When stopping: time to let kept connections go before closing them"
    )
    worker: bool = Field(
        default=True, description="Run relay, consumers and loops inside the api process"
    )
    log_level: str = Field(default="INFO", description="DEBUG, INFO, WARNING or ERROR")
    otlp_url: str | None = Field(
        default=None,
        description="OpenTelemetry collector (OTLP over HTTP); none switches traces off",
    )
    pool_size: int = Field(default=10, description="Database connections per process")
    stream_replicas: int = Field(
        default=1, ge=1, le=5, description="Copies of the event stream; 3 on three NATS servers"
    )
    event_retention_days: int = Field(
        default=14,
        description="Days a published event row is kept, so that it can be published again",
    )
    stream_retention_days: int = Field(
        default=366, description="Days an event stays in its stream, for consumers and rebuilds"
    )
    idempotency_hours: int = Field(
        default=24, description="Hours an Idempotency-Key and its answer are kept"
    )


_REMEMBERED = 512


@dataclass(frozen=True)
class Context:
    service: str
    settings: ServiceSettings
    vault: Vault
    files: FileStore
    keys: TokenKeys
    engine: AsyncEngine
    writing: async_sessionmaker[AsyncSession]
    reading: async_sessionmaker[AsyncSession]
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    bus: Client = field(default_factory=Client)  # connected by the worker, once the bus is there
    ready: dict[str, Callable[[], Awaitable[str | None]]] = field(default_factory=dict)
    memory: dict[Any, Any] = field(default_factory=dict)

    def remember(self, key: Any, value: Any) -> Any:
        """Keep in memory what cannot change in the database; the oldest makes room."""
        if len(self.memory) >= _REMEMBERED:
            del self.memory[next(iter(self.memory))]
        self.memory[key] = value
        return value


def context(session: AsyncSession) -> Context:
    """The context this session was opened in."""
    found: Context = session.info["context"]
    return found


class PlainFirst(Session):
    """A session that works on the connection plain SQL took, where there is one."""

    def get_bind(self, *targets: Any, **options: Any) -> Any:
        line = self.info.get("line")
        if line is None:
            self.info["bound"] = True
            return super().get_bind(*targets, **options)
        if "bind" not in self.info:
            assert isinstance(self.bind, Engine)
            self.info["bind"] = Connection(self.bind, connection=line)
        return self.info["bind"]


async def driver(session: AsyncSession) -> Any:
    """The asyncpg connection inside this session's transaction, for hot statements in plain SQL.

    What the session has not flushed is not there yet. Where plain SQL comes first the session
    opens nothing of its own, which would take longer than most statements (decision 0017).
    """
    line: Any = session.info.get("line")
    if line is None:
        if isinstance(session.sync_session, PlainFirst) and _is_free(session):
            line = session.info["line"] = await context(session).engine.raw_connection()
        else:
            line = await (await session.connection()).get_raw_connection()
        adapted = line.dbapi_connection
        # SQLAlchemy begins with a statement of its own, and this one may come before any. What
        # only reads needs no beginning: each statement sees what is committed, with it or without.
        if adapted._transaction is None and "reads" not in session.info:  # noqa: SLF001 - no public way
            await adapted._start_transaction()  # noqa: SLF001
    return line.dbapi_connection.driver_connection


def _is_free(session: AsyncSession) -> bool:
    """Whether it has no connection yet, neither its own nor one it was given."""
    return "bound" not in session.info and isinstance(session.bind, AsyncEngine)


async def settle(session: AsyncSession, *, good: bool) -> None:
    """Commit or roll back what session and plain SQL did, and give their connection back."""
    try:
        if session.in_transaction():
            await (session.commit() if good else session.rollback())
        line = session.info.get("line")
        if line is not None and (begun := line.dbapi_connection._transaction) is not None:  # noqa: SLF001
            await (begun.commit() if good else begun.rollback())
            line.dbapi_connection._transaction = None  # noqa: SLF001
    finally:
        await _give_back(session)


async def _give_back(session: AsyncSession) -> None:
    line = session.info.pop("line", None)
    if line is None or "bind" in session.info:
        await asyncio.shield(session.close())
    if line is not None and line.is_valid:
        # Nobody knows what state a connection is in whose transaction did not end.
        done, pool = line.dbapi_connection._transaction is None, context(session).engine.pool  # noqa: SLF001
        if done and isinstance(pool, QueuePool) and pool.checkedin() < pool.size():
            line.close()
        else:
            await asyncio.shield(greenlet_spawn(line.close if done else line.invalidate))
