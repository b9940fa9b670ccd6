"""The composition of one service, as a value: what `main.create_service()` returns."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter
from sqlalchemy import MetaData, inspect
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.consumer import Subscriptions
from chassis.events import Event
from chassis.settings import ServiceSettings


@dataclass(frozen=True)
class Loop:
    """A turn every `every` seconds, one transaction each, one active turn per database.

    A turn that finds nothing to do must leave no trace.
    """

    name: str
    every: float
    run: Callable[[AsyncSession], Awaitable[None]]


@dataclass(frozen=True)
class Copied:
    """Rows that other services copy; `tell` records the event with the present state of one."""

    rows: Any
    tell: Callable[[AsyncSession, Any], Awaitable[None]]

    @property
    def name(self) -> str:
        return str(inspect(self.rows).local_table.name)


@dataclass(frozen=True)
class Service:
    """`name` is the first word of the service's event types and the name of its stream."""

    name: str
    settings: ServiceSettings
    routers: Sequence[APIRouter]
    subscriptions: Sequence[Subscriptions]
    metadata: MetaData
    events: Sequence[type[Event]]
    migrations: str
    loops: Sequence[Loop] = ()
    republish: Sequence[Copied] = ()
    signs: bool = False
    startup: Sequence[Callable[[AsyncSession], Awaitable[None]]] = ()
