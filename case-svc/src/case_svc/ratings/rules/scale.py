"""The scale runs from 1 (best) to 5, as in GB/T 39046; many places run it the other way."""

from enum import StrEnum
from typing import Final


class RatedService(StrEnum):
    CONSULTATION = "consultation"
    APPLICATION = "application"
    CORRECTION = "correction"
    PAYMENT = "payment"
    DELIVERY = "delivery"


SCALE: Final = {1: "非常满意", 2: "满意", 3: "基本满意", 4: "不满意", 5: "非常不满意"}
WORST_GOOD: Final = 3

SERVICE_ZH: Final = {
    RatedService.CONSULTATION: "咨询",
    RatedService.APPLICATION: "申报",
    RatedService.CORRECTION: "补正",
    RatedService.PAYMENT: "缴费",
    RatedService.DELIVERY: "送达",
}


def is_bad(satisfaction: int) -> bool:
    """差评: 4 and 5; 基本满意 counts as good."""
    return satisfaction > WORST_GOOD
