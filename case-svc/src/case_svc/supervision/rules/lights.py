"""Which light a clock shows and which card its overrun earns. Thresholds are settings."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Rule(StrEnum):
    NOTIFY = "T01"
    PROMISE = "T02"
    LEGAL = "T03"
    DELIVERY = "T04"
    STEP = "T05"
    SAME_PERSON = "P02"
    NO_REASON = "C01"
    BAD_RATING = "E01"


class Level(StrEnum):
    REMIND = "remind"
    YELLOW_WARNING = "yellow_warning"
    YELLOW_CARD = "yellow_card"
    RED_CARD = "red_card"


class Light(StrEnum):
    GREEN = "green"
    YELLOW = "yellow"
    RED = "red"


# Past the date of the law the card is red at once; past a promise of the service it is yellow
# first, and red when nobody explains it in time.
RED_AT_ONCE: Final = frozenset({Rule.NOTIFY, Rule.LEGAL, Rule.DELIVERY})
# What is a fault as such, with no clock behind it.
FAULTS: Final = frozenset({Rule.SAME_PERSON, Rule.NO_REASON})
_LIGHTS: Final = {
    Level.REMIND: Light.GREEN,
    Level.YELLOW_WARNING: Light.YELLOW,
    Level.YELLOW_CARD: Light.YELLOW,
    Level.RED_CARD: Light.RED,
}


@dataclass(frozen=True)
class Thresholds:
    remind_share: float
    warning_days: int
    answer_days: int


@dataclass(frozen=True)
class Reading:
    """A clock today, in working days: its whole length, and what is left (negative: overdue)."""

    rule: Rule
    total: int
    left: int


def level_of(reading: Reading, thresholds: Thresholds, *, answered: bool = False) -> Level | None:
    """The gravest level reached; an answered yellow card stays yellow."""
    if reading.left < 0:
        return _overdue(reading, thresholds, answered=answered)
    if reading.left <= thresholds.warning_days:
        return Level.YELLOW_WARNING
    if reading.left <= reading.total * thresholds.remind_share:
        return Level.REMIND
    return None


def light_of(level: Level | None) -> Light:
    return Light.GREEN if level is None else _LIGHTS[level]


def gravest(levels: list[Level]) -> Level | None:
    order = list(Level)
    return max(levels, key=order.index, default=None)


def _overdue(reading: Reading, thresholds: Thresholds, *, answered: bool) -> Level:
    if reading.rule in RED_AT_ONCE:
        return Level.RED_CARD
    if not answered and -reading.left > thresholds.answer_days:
        return Level.RED_CARD
    return Level.YELLOW_CARD
