"""The only sources of time, identifiers and random digits, so that tests can fix them."""

import os
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, date, datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from asyncpg.pgproto.pgproto import UUID as DriverUUID  # noqa: N811 - a class

SHANGHAI = ZoneInfo("Asia/Shanghai")
NONCE_BYTES = 12
_DRAWN = 256
_nonces: deque[bytes] = deque()
os.register_at_fork(after_in_child=_nonces.clear)

_frozen: ContextVar[datetime | None] = ContextVar("frozen", default=None)


def now() -> datetime:
    """The present moment in UTC, aware."""
    return _frozen.get() or datetime.now(UTC)  # noqa: TID251 - the one place allowed to ask


def today() -> date:
    """The legal date: the calendar day in Asia/Shanghai."""
    return now().astimezone(SHANGHAI).date()


def new_id() -> UUID:
    """UUIDv7 (RFC 9562): sorts by creation time to the millisecond.

    Of the driver's class, as ids from the database are: made and put into words in a tenth of time.
    """
    milliseconds = time.time_ns() // 1_000_000
    value = milliseconds << 80 | int.from_bytes(nonce(), "big") >> 16
    value = value & ~(0xF << 76) | 0x7 << 76
    value = value & ~(0x3 << 62) | 0x2 << 62
    made: UUID = DriverUUID(value.to_bytes(16, "big"))
    return made


def random_digits(count: int) -> str:
    """`count` decimal digits nobody can foresee, leading zeros kept; no more than a dozen."""
    return f"{int.from_bytes(nonce(), 'big') % 10**count:0{count}d}"


def nonce() -> bytes:
    """Twelve bytes of the system's randomness, each given once.

    They are drawn many at a time: a submission needs a dozen, and going for each took 5 % of it.
    """
    try:
        return _nonces.pop()
    except IndexError:
        drawn = os.urandom(NONCE_BYTES * _DRAWN)
        _nonces.extend(drawn[at : at + NONCE_BYTES] for at in range(0, len(drawn), NONCE_BYTES))
        return os.urandom(NONCE_BYTES)


@contextmanager
def freeze(moment: datetime) -> Iterator[None]:
    """Fix `now()` for the current context; only tests call this."""
    mark = _frozen.set(moment)
    try:
        yield
    finally:
        _frozen.reset(mark)
