"""How long a name or an address must pause after failed sign-ins."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil
from typing import NamedTuple


class Attempt(NamedTuple):
    """An earlier attempt with the same name, from the same address, or both.

    `succeeded` is None while its password is being verified.
    """

    same_name: bool
    same_address: bool
    succeeded: bool | None
    tried_at: datetime


@dataclass(frozen=True)
class Limits:
    """Failures allowed within the window, by what the attempts have in common."""

    per_name: int  # one name from one address
    per_name_anywhere: int
    per_address: int
    window: timedelta


def pause(attempts: Iterable[Attempt], limits: Limits, *, at: datetime) -> int:
    """Seconds to wait before the next attempt, 0 when it may be made now.

    Attempts of one name from one address count from the last success there, which shows that the
    owner is at the keyboard, and count while they are being verified, so that parallel guesses are
    not free. Guesses spread over many addresses are not forgiven by a success elsewhere.
    """
    attempts = list(attempts)
    same = [attempt for attempt in attempts if attempt.same_name and attempt.same_address]
    success = max((attempt.tried_at for attempt in same if attempt.succeeded), default=None)
    recent = [
        attempt.tried_at
        for attempt in same
        if not attempt.succeeded and (success is None or attempt.tried_at > success)
    ]
    failures = [attempt for attempt in attempts if attempt.succeeded is False]
    anywhere = [attempt.tried_at for attempt in failures if attempt.same_name]
    address = [attempt.tried_at for attempt in failures if attempt.same_address]
    return max(
        seconds_until_allowed(recent, allowed=limits.per_name, window=limits.window, at=at),
        seconds_until_allowed(
            anywhere, allowed=limits.per_name_anywhere, window=limits.window, at=at
        ),
        seconds_until_allowed(address, allowed=limits.per_address, window=limits.window, at=at),
    )


def seconds_until_allowed(
    failures: Sequence[datetime], *, allowed: int, window: timedelta, at: datetime
) -> int:
    """Seconds until fewer than `allowed` failures lie within the window.

    Attempts during a pause are not recorded, so a pause does not grow.
    """
    recent = sorted(moment for moment in failures if at - moment < window)
    if len(recent) < allowed:
        return 0
    return max(1, ceil((recent[-allowed] + window - at).total_seconds()))
