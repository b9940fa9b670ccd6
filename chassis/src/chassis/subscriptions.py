"""A room's reactions to events of other services."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, TypeVar
from uuid import UUID

from pydantic import BaseModel

from chassis.database.sessions import WriteSession
from chassis.events import service_of

T = TypeVar("T", bound=BaseModel)


class Later(Exception):
    """The handler cannot act yet, for instance because what it needs has not arrived."""


@dataclass(frozen=True)
class Received(Generic[T]):
    """An event as a handler gets it; `sealed` is what was encrypted for this service."""

    id: UUID
    type: str
    subject: str
    time: datetime
    sequence: int
    data: T
    sealed: dict[str, Any] | None


Handler = Callable[[WriteSession, Received[Any]], Awaitable[None]]
BatchHandler = Callable[[WriteSession, Sequence[Received[Any]]], Awaitable[None]]


@dataclass(frozen=True)
class Reaction:
    """What one handler does with events of one type, read by a tolerant model.

    `handle` takes the events that arrived together and follow one another, in their order.
    """

    model: type[BaseModel]
    handle: BatchHandler


Reactions = dict[str, list[Reaction]]


@dataclass
class Subscriptions:
    """Register handlers with `@subscriptions.on(event_type, ReadingModel)`.

    `copies`: each handler only keeps the newest state it received, so that a rebuild may give it
    the same event again. Every other handler gets an event once, whatever happens.
    """

    copies: bool = False
    reactions: Reactions = field(default_factory=dict)

    def on(self, event_type: str, model: type[T]) -> Callable[[Handler], Handler]:
        """For a handler of one event."""

        def register(handler: Handler) -> Handler:
            async def handle_each(session: WriteSession, events: Sequence[Received[Any]]) -> None:
                for event in events:
                    await handler(session, event)
                    # The next event must see rows as they are, not what this one remembers.
                    await session.flush()
                    session.expunge_all()

            self.reactions.setdefault(event_type, []).append(Reaction(model, handle_each))
            return handler

        return register

    def on_batch(self, event_type: str, model: type[T]) -> Callable[[BatchHandler], BatchHandler]:
        """For a handler that one statement serves, however many events arrived together."""

        def register(handler: BatchHandler) -> BatchHandler:
            self.reactions.setdefault(event_type, []).append(Reaction(model, handler))
            return handler

        return register


def merged(subscriptions: Sequence[Subscriptions]) -> Reactions:
    """The reactions of all rooms, by event type."""
    reactions: Reactions = {}
    for room in subscriptions:
        for event_type, handlers in room.reactions.items():
            reactions.setdefault(event_type, []).extend(handlers)
    return reactions


def producers(reactions: Reactions) -> list[str]:
    """The services whose streams these reactions read."""
    return sorted({service_of(event_type) for event_type in reactions})


def subjects_of(reactions: Reactions, producer: str) -> list[str]:
    return [f"onenet.{name}.*" for name in reactions if service_of(name) == producer]
