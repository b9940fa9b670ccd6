"""What a mandate may allow: an agent needs the power for each thing done for a company."""

from enum import StrEnum
from typing import Final


class Power(StrEnum):
    APPLY = "apply"
    CORRECT = "correct"
    WITHDRAW = "withdraw"
    COLLECT = "collect"
    VIEW = "view"
    RATE = "rate"


ALL_POWERS: Final[frozenset[str]] = frozenset(Power)
