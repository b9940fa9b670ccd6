"""Kept answers: bounded by bytes, aged by what the service said, ended by an epoch.

Every entry remembers the epoch its service was in *before* it was fetched. A write through this
gateway, or an event of the service, begins a new epoch, so an answer fetched before the change can
never be given after it.
"""

from collections import OrderedDict
from dataclasses import dataclass, field

from gateway.context import Headers

MAX_ENTRY_BYTES = 1024 * 1024
Key = tuple[bytes, bytes, str, bytes]


@dataclass(frozen=True, slots=True)
class CacheEntry:
    """`headers` are complete but for `age`; `unchanged` are those of a 304."""

    headers: Headers
    unchanged: Headers
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
    entries: OrderedDict[Key, CacheEntry] = field(default_factory=OrderedDict)
    used_bytes: int = 0

    def epoch(self, service: str) -> int:
        return self.epochs.get(service, 0)

    def invalidate(self, service: str) -> None:
        """Nothing fetched from this service so far may be given without asking again."""
        self.epochs[service] = self.epoch(service) + 1

    def lookup(self, key: Key, moment: float, longest: float) -> CacheEntry | None:
        """An entry that is of the present epoch and young enough."""
        entry = self.entries.get(key)
        if entry is None or entry.epoch != self.epoch(entry.service):
            return None
        if moment - entry.stored_at > min(entry.max_age, longest):
            return None
        self.entries.move_to_end(key)
        return entry

    def stale(self, key: Key) -> CacheEntry | None:
        """Whatever is kept under the key; its ETag may still be the service's present one."""
        return self.entries.get(key)

    def put(self, key: Key, entry: CacheEntry) -> None:
        if entry.epoch != self.epoch(entry.service) or _size(key, entry) > self.limit_bytes:
            return
        self._drop(key)
        self.entries[key] = entry
        self.used_bytes += _size(key, entry)
        while self.used_bytes > self.limit_bytes:
            self._drop(next(iter(self.entries)))

    def _drop(self, key: Key) -> None:
        entry = self.entries.pop(key, None)
        if entry is not None:
            self.used_bytes -= _size(key, entry)


def _size(key: Key, entry: CacheEntry) -> int:
    """Bytes; the key counts, for it holds what the client sent."""
    headers = sum(len(name) + len(value) for name, value in entry.headers)
    return len(entry.body) + headers + sum(map(len, key)) + 1024
