"""How long a name or an address must pause after failed sign-ins."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from math import ceil


def pause(failures: Sequence[datetime], *, allowed: int, window: timedelta, at: datetime) -> int:
    """Seconds until one more try.

    The pause ends when the oldest failure that counts slips out of the window. Tries during a
    pause are not failures, so it does not grow.
    """
    recent = sorted(moment for moment in failures if at - moment < window)
    if len(recent) < allowed:
        return 0
    return max(1, ceil((recent[-allowed] + window - at).total_seconds()))
