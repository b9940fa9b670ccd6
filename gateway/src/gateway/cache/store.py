"""Kept answers: bounded by bytes, aged by what the service said, ended by an epoch.

Every answer remembers the epoch its service was in *before* it was fetched. A write through this
gateway, or an event of the service, moves the epoch on, so an answer fetched before the change can
never be given after it.
"""

from collections import OrderedDict
from dataclasses import dataclass, field

from gateway.call import Headers

MAX_ENTRY_BYTES = 1024 * 1024
Key = tuple[bytes, bytes, str, bytes]


@dataclass(frozen=True, slots=True)
class Kept:
    """`headers` are complete but for `age`; `unchanged` are those of a 304; both also as text."""

    headers: Headers
    unchanged: Headers
    body: bytes
    etag: bytes | None
    service: str
    epoch: int
    stored_at: float
    max_age: float
    text: bytes = b""
    unchanged_text: bytes = b""


def as_text(headers: Headers) -> bytes:
    """Headers as they stand in an answer."""
    return b"".join(b"%b: %b\r\n" % one for one in headers)


@dataclass
class Store:
    limit_bytes: int
    epochs: dict[str, int] = field(default_factory=dict)
    entries: OrderedDict[Key, Kept] = field(default_factory=OrderedDict)
    used_bytes: int = 0

    def epoch(self, service: str) -> int:
        return self.epochs.get(service, 0)

    def move_on(self, service: str) -> None:
        """Nothing fetched from this service so far may be given without asking again."""
        self.epochs[service] = self.epoch(service) + 1

    def find(self, key: Key, moment: float, longest: float) -> Kept | None:
        """A kept answer that is of the present epoch and young enough."""
        kept = self.entries.get(key)
        if kept is None or kept.epoch != self.epochs.get(kept.service, 0):
            return None
        if moment - kept.stored_at > min(kept.max_age, longest):
            return None
        self.entries.move_to_end(key)
        return kept

    def stale(self, key: Key) -> Kept | None:
        """Whatever is kept under the key; its ETag may still be the service's present one."""
        return self.entries.get(key)

    def put(self, key: Key, kept: Kept) -> None:
        if kept.epoch != self.epoch(kept.service) or _size(key, kept) > self.limit_bytes:
            return
        self._drop(key)
        self.entries[key] = kept
        self.used_bytes += _size(key, kept)
        while self.used_bytes > self.limit_bytes:
            self._drop(next(iter(self.entries)))

    def _drop(self, key: Key) -> None:
        kept = self.entries.pop(key, None)
        if kept is not None:
            self.used_bytes -= _size(key, kept)


def _size(key: Key, kept: Kept) -> int:
    """Bytes; the key counts, for it holds what the client sent."""
    told = sum(len(name) + len(value) for name, value in kept.headers)
    return len(kept.body) + told + sum(map(len, key)) + 1024
