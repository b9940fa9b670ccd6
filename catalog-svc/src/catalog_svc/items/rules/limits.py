"""Time limits in different units, made comparable (a year has 365 days, a month 30)."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

_DAY: Final = 24 * 60
# Five working days take a calendar week: a promise of 20 working days exceeds a legal limit of 20
# calendar days, which a comparison of the bare numbers would miss.
MINUTES: Final[Mapping[str, int]] = {
    "minute": 1,
    "hour": 60,
    "calendar_day": _DAY,
    "working_day": _DAY * 7 // 5,
    "month": 30 * _DAY,
    "year": 365 * _DAY,
}
_IMMEDIATE: Final[Mapping[str, int]] = {
    "minute": _DAY,
    "hour": 24,
    "calendar_day": 1,
    "working_day": 1,
}


def minutes(limit: Mapping[str, Any]) -> int:
    return int(limit["value"]) * MINUTES[limit["unit"]]


def is_open(limit: Mapping[str, Any]) -> bool:
    """Whether the law sets no limit, which is written as 0 with a note."""
    return int(limit["value"]) == 0


def promise_holds(promise: Mapping[str, Any], legal: Mapping[str, Any]) -> bool:
    """Whether the promise is no longer than the law allows."""
    return is_open(legal) or minutes(promise) <= minutes(legal)


def is_immediate(promise: Mapping[str, Any]) -> bool:
    """Short enough for an immediate item (即办件): one working day, or hours within one day."""
    return int(promise["value"]) <= _IMMEDIATE.get(promise["unit"], 0)


def total_fits(steps: Iterable[Mapping[str, Any]], promise: Mapping[str, Any]) -> bool:
    """Whether the limits of the steps, one after another, fit in the promise."""
    return sum(minutes(limit) for limit in steps) <= minutes(promise)
