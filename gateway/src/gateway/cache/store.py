"""Kept answers: bounded by bytes, aged by the service's own max-age, ended by an epoch.

Every answer remembers the epoch its service was in *before* it was fetched. A write through this
gateway, or an event of the service, moves the epoch on, so an answer fetched before the change can
never be given after it.
"""

from collections import OrderedDict
from dataclasses import dataclass, field

from gateway.call import Headers

MAX_ENTRY_BYTES = 1024 * 1024


@dataclass(frozen=True)
class Kept:
    status: int
    headers: Headers
    body: bytes
    etag: bytes | None
    service: str
    epoch: int
    stored_at: float
    max_age: float


@dataclass
class Store:
    limit_bytes: int
    epochs: dict[str, int] = field(default_factory=dict)
    entries: OrderedDict[tuple[str, ...], Kept] = field(default_factory=OrderedDict)
    used_bytes: int = 0

    def epoch(self, service: str) -> int:
        return self.epochs.get(service, 0)

    def move_on(self, service: str) -> None:
        """Nothing fetched from this service so far may be given any more."""
        self.epochs[service] = self.epoch(service) + 1

    def find(self, key: tuple[str, ...], moment: float, longest: float) -> Kept | None:
        """A kept answer that is of the present epoch and young enough."""
        kept = self.entries.get(key)
        if kept is None:
            return None
        if kept.epoch != self.epoch(kept.service):
            self._drop(key)
            return None
        if moment - kept.stored_at > min(kept.max_age, longest):
            self._drop(key)
            return None
        self.entries.move_to_end(key)
        return kept

    def put(self, key: tuple[str, ...], kept: Kept) -> None:
        if kept.epoch != self.epoch(kept.service) or len(kept.body) > MAX_ENTRY_BYTES:
            return
        self._drop(key)
        self.entries[key] = kept
        self.used_bytes += _size(kept)
        while self.used_bytes > self.limit_bytes:
            self._drop(next(iter(self.entries)))

    def _drop(self, key: tuple[str, ...]) -> None:
        kept = self.entries.pop(key, None)
        if kept is not None:
            self.used_bytes -= _size(kept)


def _size(kept: Kept) -> int:
    return len(kept.body) + sum(len(name) + len(value) for name, value in kept.headers) + 512
