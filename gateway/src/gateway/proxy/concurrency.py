"""How many requests may be under way: to one service, to all of them, and of one client."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from chassis.errors import TooMany
from gateway.errors import Overloaded


@dataclass
class ConcurrencyLimits:
    """There is no queue: a request beyond a limit is refused at once and told when to come again.

    One client never gets all places, so a client that asks for too much only harms itself.
    """

    per_service: int
    in_all: int
    per_client: int
    by_service: dict[str, int] = field(default_factory=dict)
    by_client: dict[str, int] = field(default_factory=dict)
    total: int = 0

    def taken(self, service: str) -> int:
        return self.by_service.get(service, 0)

    @contextmanager
    def place(self, service: str, client: str) -> Iterator[None]:
        """Hold a place; raises TooMany or Overloaded when there is none."""
        own, busy = self.by_client.get(client, 0), self.taken(service)
        if own >= self.per_client:
            raise TooMany(retry_after=1)
        if busy >= self.per_service or self.total >= self.in_all:
            raise Overloaded(retry_after=1)
        self.by_client[client] = own + 1
        self.by_service[service] = busy + 1
        self.total += 1
        try:
            yield
        finally:
            self.by_service[service] -= 1
            self.total -= 1
            if self.by_client[client] == 1:
                del self.by_client[client]
            else:
                self.by_client[client] -= 1
