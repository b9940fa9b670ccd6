"""The status of a certificate on a day, and the actions that change it."""

import calendar
from datetime import date
from enum import StrEnum
from typing import Final

from exchange_svc.certificates.errors import IllegalStatus


class Status(StrEnum):
    """`expired` is computed from the date and never stored."""

    VALID = "valid"
    EXPIRED = "expired"
    SUSPENDED = "suspended"
    REVOKED = "revoked"


class Action(StrEnum):
    """The last segment of the action's route."""

    SUSPENSION = "suspension"
    RESUMPTION = "resumption"
    REVOCATION = "revocation"


MOVES: Final = {
    (Status.VALID, Action.SUSPENSION): Status.SUSPENDED,
    (Status.VALID, Action.REVOCATION): Status.REVOKED,
    (Status.SUSPENDED, Action.RESUMPTION): Status.VALID,
    (Status.SUSPENDED, Action.REVOCATION): Status.REVOKED,
    # An expired certificate may turn out to have been wrong from the beginning.
    (Status.EXPIRED, Action.REVOCATION): Status.REVOKED,
}


def step(status: Status, action: Action) -> Status:
    """The status after `action`, or IllegalStatus naming what is possible instead."""
    try:
        return MOVES[status, action]
    except KeyError:
        raise IllegalStatus(status.value, allowed(status)) from None


def allowed(status: Status) -> list[str]:
    return [action.value for action in Action if (status, action) in MOVES]


def status_on(status: Status, valid_to: date | None, day: date) -> Status:
    """Expiry follows from the date, unless the certificate is suspended or revoked."""
    if status is Status.VALID and valid_to is not None and day > valid_to:
        return Status.EXPIRED
    return status


def last_day(start: date, months: int | None) -> date | None:
    """The last day of validity, inclusive; None for a certificate that does not expire.

    The first day does not count. The last is the corresponding day of the final month, or the end
    of that month where it has no such day (民法典 art. 201, 202).
    """
    if months is None or months < 1:
        return None
    year, month = divmod(start.year * 12 + start.month - 1 + months, 12)
    if year > date.max.year:
        return None
    end = calendar.monthrange(year, month + 1)[1]
    return date(year, month + 1, min(start.day, end))
