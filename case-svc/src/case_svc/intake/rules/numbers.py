"""Case numbers: task code (31), or region (12) and item serial; receipt date; sequence."""

import re
from datetime import date
from functools import lru_cache
from typing import Final

MAX_LENGTH: Final = 50
TASK_CODE_LENGTH: Final = 31
SERIAL_LENGTH: Final = 20
QUERY_CODE_LENGTH: Final = 6


@lru_cache(maxsize=4096)
def prefix(*, task_code: str | None, region_code: str, item_code: str) -> str:
    """What the numbers of an item begin with.

    The sequence is counted for each prefix, so two items whose codes share a serial still never
    get the same number.
    """
    if task_code is not None and re.fullmatch(rf"[0-9A-Z]{{{TASK_CODE_LENGTH}}}", task_code):
        return task_code
    return region_code + serial(item_code)


def serial(item_code: str) -> str:
    """The first group of a local item code that holds a letter or digit, shortened; `0` if none."""
    groups = re.findall(r"[0-9A-Z]+", item_code.upper())
    return groups[0][:SERIAL_LENGTH] if groups else "0"


@lru_cache(maxsize=4096)
def stem(beginning: str, received_on: date) -> str:
    return f"{beginning}{received_on:%Y%m%d}"


def case_number(beginning: str, received_on: date, sequence: int) -> str:
    """The number, at most 50 characters; unchangeable from the day of receipt."""
    number = f"{stem(beginning, received_on)}{sequence:04d}"
    if len(number) > MAX_LENGTH:
        raise ValueError(f"case number {number} has more than {MAX_LENGTH} characters")
    return number
