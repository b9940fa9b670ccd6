"""What one process holds: its settings, keys, connections and caches, made once and passed on."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Annotated, Any

from fastapi import Depends, Request
from nats.aio.client import Client
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncSession, async_sessionmaker

from chassis.auth import TokenKeys
from chassis.database.engine import new_engine
from chassis.files import FileStore, open_files
from chassis.settings import ServiceSettings
from chassis.vault import Vault, open_vault

CACHE_ENTRIES = 512


@dataclass(frozen=True)
class Process:
    """`sessions` write, `read_sessions` are refused by PostgreSQL when they try to.

    `bus` is connected by the worker once NATS is there; `wake` is set when events wait for the
    relay; `ready` names the checks of `/readyz`.
    """

    service: str
    settings: ServiceSettings
    vault: Vault
    files: FileStore
    keys: TokenKeys
    engine: AsyncEngine
    sessions: async_sessionmaker[AsyncSession]
    read_sessions: async_sessionmaker[AsyncSession]
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    bus: Client = field(default_factory=Client)
    ready: dict[str, Callable[[], Awaitable[str | None]]] = field(default_factory=dict)
    cache: dict[Any, Any] = field(default_factory=dict)

    def remember(self, key: Any, value: Any) -> Any:
        """Cache `value`, which cannot change, and return it; the oldest entry makes room."""
        if len(self.cache) >= CACHE_ENTRIES and key not in self.cache:
            del self.cache[next(iter(self.cache))]
        self.cache[key] = value
        return value


def open_process(name: str, settings: ServiceSettings, *, keys: TokenKeys | None = None) -> Process:
    """Nothing is connected yet: the pool opens connections when they are asked for."""
    engine = new_engine(settings.database_url.get_secret_value(), pool_size=settings.pool_size)
    return Process(
        service=name,
        settings=settings,
        vault=open_vault(
            name, settings.vault_keys.get_secret_value(), settings.seal_keys.get_secret_value()
        ),
        files=open_files(settings.files_url),
        keys=keys or TokenKeys(settings.keys_url, settings.issuer),
        engine=engine,
        sessions=session_maker(engine),
        read_sessions=session_maker(engine.execution_options(postgresql_readonly=True)),
    )


def session_maker(
    bind: AsyncEngine | AsyncConnection, **options: Any
) -> async_sessionmaker[AsyncSession]:
    """The one way sessions are made; `options` are a test's."""
    return async_sessionmaker(bind, expire_on_commit=False, **options)


async def current_process(request: Request) -> Process:
    process: Process = request.app.state.process
    return process


CurrentProcess = Annotated[Process, Depends(current_process)]
