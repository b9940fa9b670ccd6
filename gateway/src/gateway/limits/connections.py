"""How many connections are open, in all and from one address.

A connection costs memory before it asks for anything, so nobody may hold all of them. When all
places are taken, the address that holds most gives up one on which nothing is under way.
"""

from dataclasses import dataclass, field
from typing import Protocol

from gateway.limits.clients import Addresses, bucket_key


class Held(Protocol):
    """One open connection."""

    @property
    def is_idle(self) -> bool: ...

    def end(self) -> None:
        """Close it; nothing is under way on it."""


@dataclass
class Connections:
    """A trusted proxy speaks for many clients, so only the limit for all holds for it."""

    limit: int
    limit_per_address: int
    addresses: Addresses
    open: dict[str, set[Held]] = field(default_factory=dict)
    total: int = 0

    def admit(self, address: str, connection: Held) -> bool:
        """Take a place; False when there is none."""
        key = bucket_key(address)
        held = self.open.get(key)
        full = held is not None and len(held) >= self.limit_per_address
        if full and not self.addresses.is_trusted(address):
            return False
        if self.total >= self.limit and not self._make_room():
            return False
        self.open.setdefault(key, set()).add(connection)
        self.total += 1
        return True

    def leave(self, address: str, connection: Held) -> None:
        """Free the place, if it had one."""
        self._leave(bucket_key(address), connection)

    def _leave(self, key: str, connection: Held) -> None:
        held = self.open.get(key)
        if held is None or connection not in held:
            return
        held.remove(connection)
        self.total -= 1
        if not held:
            del self.open[key]

    def _make_room(self) -> bool:
        most = max(self.open, key=lambda key: len(self.open[key]))
        idle = next((one for one in self.open[most] if one.is_idle), None)
        if idle is not None:
            # Its place is free at once, though the socket closes a moment later.
            self._leave(most, idle)
            idle.end()
        return idle is not None
