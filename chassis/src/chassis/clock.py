"""The only sources of time, identifiers and random digits, so that tests can fix them."""

import os
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, date, datetime
from uuid import UUID
from zoneinfo import ZoneInfo

SHANGHAI = ZoneInfo("Asia/Shanghai")

_frozen: ContextVar[datetime | None] = ContextVar("frozen", default=None)


def now() -> datetime:
    """The present moment in UTC, aware."""
    return _frozen.get() or datetime.now(UTC)  # noqa: TID251 - the one place allowed to ask


def today() -> date:
    """The legal date: the calendar day in Asia/Shanghai."""
    return now().astimezone(SHANGHAI).date()


def new_id() -> UUID:
    """UUIDv7 (RFC 9562): sorts by creation time to the millisecond."""
    milliseconds = time.time_ns() // 1_000_000
    value = milliseconds << 80 | int.from_bytes(os.urandom(10), "big")
    value = value & ~(0xF << 76) | 0x7 << 76
    value = value & ~(0x3 << 62) | 0x2 << 62
    return UUID(int=value)


def random_digits(count: int) -> str:
    """`count` decimal digits that nobody can foresee, leading zeros kept."""
    return f"{secrets.randbelow(10**count):0{count}d}"


@contextmanager
def freeze(moment: datetime) -> Iterator[None]:
    """Fix `now()` for the current context; only tests call this."""
    mark = _frozen.set(moment)
    try:
        yield
    finally:
        _frozen.reset(mark)
