"""What a certificate is worth on a day, and what may be done to it."""

import calendar
from datetime import date
from enum import StrEnum

from exchange_svc.certificates.errors import IllegalStatus


class Status(StrEnum):
    VALID = "valid"
    SUSPENDED = "suspended"
    REVOKED = "revoked"


class Action(StrEnum):
    SUSPENSION = "suspension"
    RESUMPTION = "resumption"
    REVOCATION = "revocation"


MOVES = {
    (Status.VALID, Action.SUSPENSION): Status.SUSPENDED,
    (Status.VALID, Action.REVOCATION): Status.REVOKED,
    (Status.SUSPENDED, Action.RESUMPTION): Status.VALID,
    (Status.SUSPENDED, Action.REVOCATION): Status.REVOKED,
}


def step(status: Status, action: Action) -> Status:
    """The status after `action`, or IllegalStatus naming what is possible instead."""
    try:
        return MOVES[status, action]
    except KeyError:
        possible = [move.value for one, move in MOVES if one is status]
        raise IllegalStatus(status=status.value, possible=possible) from None


def status_on(status: Status, valid_to: date | None, day: date) -> str:
    """`expired` is computed, never stored; suspension and revocation come before it."""
    if status is Status.VALID and valid_to is not None and day > valid_to:
        return "expired"
    return status.value


def add_months(start: date, months: int) -> date:
    """The matching day of a later month, or its last day (民法典 art. 202)."""
    index = start.year * 12 + start.month - 1 + months
    year, month = divmod(index, 12)
    last = calendar.monthrange(year, month + 1)[1]
    return date(year, month + 1, min(start.day, last))
