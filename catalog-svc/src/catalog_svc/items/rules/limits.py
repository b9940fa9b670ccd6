"""Time limits in different units, made comparable (year 365 days, month 30 days)."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

_DAY: Final = 24 * 60
# Five working days take a calendar week, so a promise of 20 working days breaks a legal limit of
# 20 calendar days: comparing the bare numbers would hide that.
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
    """No limit by law: written as 0 with a note that says so."""
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
