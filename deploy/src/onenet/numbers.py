"""Fictitious Chinese identifiers whose check digits hold, for sample data and the story."""

import secrets
from datetime import date, timedelta
from typing import Final

WEIGHTS: Final = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
CHECK_DIGITS: Final = "10X98765432"

CREDIT_ALPHABET: Final = "0123456789ABCDEFGHJKLMNPQRTUWXY"
CREDIT_WEIGHTS: Final = (1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28)

ADULT_FROM: Final = date(1955, 1, 1)
ADULT_DAYS: Final = 16_000  # up to the end of 1998

FAMILY_NAMES: Final = "赵钱孙李周吴郑王冯陈褚卫蒋沈韩杨朱秦许何吕张孔曹严华金魏陶姜"
GIVEN_NAMES: Final = "安平文明志强秀兰建国春梅海涛玉珍晓东丽华伟芳敏静军杰婷宇晨欣然"


def identity_number(region: str, born: date, sequence: int) -> str:
    """GB 11643: six digits of region, birth date, three of sequence (odd: male), check digit."""
    body = f"{region[:6]}{born:%Y%m%d}{sequence:03d}"
    total = sum(int(digit) * weight for digit, weight in zip(body, WEIGHTS, strict=True))
    return body + CHECK_DIGITS[total % 11]


def credit_code(body: str) -> str:
    """GB 32100: seventeen characters and the check character that belongs to them."""
    values = (CREDIT_ALPHABET.index(character) for character in body)
    total = sum(value * weight for value, weight in zip(values, CREDIT_WEIGHTS, strict=True))
    return body + CREDIT_ALPHABET[-total % 31]


def new_identity_number(region: str = "511602") -> str:
    """Of an adult who does not exist, different each time."""
    born = ADULT_FROM + timedelta(days=secrets.randbelow(ADULT_DAYS))
    return identity_number(region, born, secrets.randbelow(999) + 1)


def new_mobile() -> str:
    return f"199{secrets.randbelow(10**8):08d}"


def new_name() -> str:
    given = "".join(secrets.choice(GIVEN_NAMES) for _ in range(2))
    return secrets.choice(FAMILY_NAMES) + given
