"""How many requests may be under way: to one service, to all of them, and of one client."""

from dataclasses import dataclass, field

from chassis.errors import TooMany
from gateway.errors import Overloaded


@dataclass
class Places:
    """No queue of our own: who finds no place is told at once when to come again.

    One client never takes all places, so that a client that asks for too much only harms itself.
    """

    per_service: int
    in_all: int
    per_client: int
    busy: dict[str, int] = field(default_factory=dict)
    held: dict[str, int] = field(default_factory=dict)
    taken: int = 0

    def enter(self, service: str, client: str) -> None:
        """Take a place; raises TooMany or Overloaded when there is none."""
        own = self.held.get(client, 0)
        if own >= self.per_client:
            raise TooMany(retry_after=1)
        there = self.busy.get(service, 0)
        if there >= self.per_service or self.taken >= self.in_all:
            raise Overloaded(retry_after=1)
        self.held[client] = own + 1
        self.busy[service] = there + 1
        self.taken += 1

    def leave(self, service: str, client: str) -> None:
        self.busy[service] -= 1
        self.taken -= 1
        left = self.held[client] - 1
        if left:
            self.held[client] = left
        else:
            del self.held[client]
