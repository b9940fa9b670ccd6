"""What a use case may need besides its session: settings, vault, file store."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker

from chassis.auth import TokenKeys
from chassis.files import FileStore
from chassis.settings import ServiceSettings
from chassis.vault import Vault


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
    ready: dict[str, Callable[[], Awaitable[str | None]]] = field(default_factory=dict)


def context(session: AsyncSession) -> Context:
    """The context this session was opened in."""
    found: Context = session.info["context"]
    return found
