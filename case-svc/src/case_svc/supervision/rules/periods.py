"""The period a number speaks of: a year, a month, or two dates, both inclusive."""

import re
from calendar import monthrange
from dataclasses import dataclass
from datetime import date
from typing import Final

from case_svc.supervision.errors import BadPeriod

_YEAR: Final = re.compile(r"^([0-9]{4})$")
_MONTH: Final = re.compile(r"^([0-9]{4})-([0-9]{2})$")
_RANGE: Final = re.compile(r"^([0-9]{4}-[0-9]{2}-[0-9]{2})\.\.([0-9]{4}-[0-9]{2}-[0-9]{2})$")
LONGEST_DAYS: Final = 3660
FIRST_YEAR: Final = 1990
LAST_YEAR: Final = 2100


@dataclass(frozen=True)
class Period:
    first: date
    last: date


def period_of(text: str | None, today: date) -> Period:
    """The period meant; none means the current year."""
    try:
        period = _read(text or f"{today:%Y}")
    except ValueError:
        raise BadPeriod from None
    outside = period.first.year < FIRST_YEAR or period.last.year > LAST_YEAR
    too_long = (period.last - period.first).days > LONGEST_DAYS
    if period.last < period.first or outside or too_long:
        raise BadPeriod
    return period


def _read(text: str) -> Period:
    if match := _YEAR.match(text):
        year = int(match[1])
        return Period(date(year, 1, 1), date(year, 12, 31))
    if match := _MONTH.match(text):
        year, month = int(match[1]), int(match[2])
        first = date(year, month, 1)
        return Period(first, first.replace(day=monthrange(year, month)[1]))
    if match := _RANGE.match(text):
        return Period(date.fromisoformat(match[1]), date.fromisoformat(match[2]))
    raise ValueError(text)
