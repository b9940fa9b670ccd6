"""Citizen identity numbers (GB 11643) and unified social credit codes (GB 32100)."""

import re
from datetime import date
from enum import StrEnum
from typing import Final

WEIGHTS: Final = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
CHECK_DIGITS: Final = "10X98765432"
OLDEST_YEARS: Final = 130

CREDIT_ALPHABET: Final = "0123456789ABCDEFGHJKLMNPQRTUWXY"
CREDIT_WEIGHTS: Final = (1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28)

PROVINCES: Final = frozenset(
    str(code)
    for first, last in ((11, 15), (21, 23), (31, 37), (41, 46), (50, 54), (61, 65))
    for code in range(first, last + 1)
)
# City-level groups that are on no list any more: the counties of the municipalities and the former
# cities of Chongqing. Numbers issued there stay valid.
ABOLISHED_CITIES: Final = frozenset({"1102", "1202", "3102", "5002", "5003"})


class Fault(StrEnum):
    FORMAT = "format"
    BIRTH_DATE = "birth_date"
    CHECK_DIGIT = "check_digit"


def citizen_number_faults(number: str, *, today: date) -> list[Fault]:
    """The faults of an 18-character number, its region aside; birth dates end with `today`."""
    if not re.fullmatch(r"[0-9]{17}[0-9X]", number):
        return [Fault.FORMAT]
    faults = []
    if not _may_be_birth_date(number[6:14], today):
        faults.append(Fault.BIRTH_DATE)
    if number[17] != citizen_check_digit(number[:17]):
        faults.append(Fault.CHECK_DIGIT)
    return faults


def citizen_check_digit(digits: str) -> str:
    """ISO 7064 MOD 11-2 over the first seventeen digits."""
    total = sum(int(digit) * weight for digit, weight in zip(digits, WEIGHTS, strict=True))
    return CHECK_DIGITS[total % 11]


def _may_be_birth_date(digits: str, today: date) -> bool:
    try:
        born = date(int(digits[:4]), int(digits[4:6]), int(digits[6:]))
    except ValueError:
        return False
    return born <= today and today.year - born.year <= OLDEST_YEARS


def is_credit_code(code: str) -> bool:
    """Shape and check character.

    The check character of the organisation code inside is ignored: some older codes fail it.
    """
    if not re.fullmatch(rf"[{CREDIT_ALPHABET}]{{2}}[0-9]{{6}}[{CREDIT_ALPHABET}]{{10}}", code):
        return False
    return code[17] == credit_check_character(code[:17])


def credit_check_character(code: str) -> str:
    values = (CREDIT_ALPHABET.index(character) for character in code)
    total = sum(value * weight for value, weight in zip(values, CREDIT_WEIGHTS, strict=True))
    return CREDIT_ALPHABET[-total % 31]
