"""The composition of one service, as a value: what `main.create_service()` returns."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter
from sqlalchemy import MetaData, inspect

from chassis.database.sessions import WriteSession
from chassis.events import Event
from chassis.settings import ServiceSettings
from chassis.subscriptions import Subscriptions


@dataclass(frozen=True)
class Loop:
    """A turn every `every` seconds, one transaction each, one active turn per database.

    A turn that finds nothing to do must leave no trace.
    """

    name: str
    every: float
    run: Callable[[WriteSession], Awaitable[Any]]


@dataclass(frozen=True)
class Copied:
    """Rows that other services copy; `publish` records an event with a row's present state."""

    rows: Any
    publish: Callable[[WriteSession, Any], Awaitable[None]]

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
    startup: Sequence[Callable[[WriteSession], Awaitable[None]]] = ()
