"""Certificate codes (证照标识, GB/T 36904): root, type, issuer, serial, version, check character.

`{root}.{type}.{issuer}.{serial}.{version}.{check}`, the check character by ISO 7064 MOD 37,36 over
type, issuer, serial and version joined without dots.
"""

import re
from enum import StrEnum
from typing import Final

ALPHABET: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
DECISION_DOCUMENT: Final = "000"  # ends the type code of a document without a defined type
_CREDIT_ALPHABET: Final = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_CREDIT_LENGTH: Final = 18
_TYPE: Final = re.compile(r"[0-9A-Z]{18}[0-9]{3}")
_BODY: Final = re.compile(
    r"([0-9A-Z]{21})\.([0-9A-Z]{6,18})\.([0-9A-Z]{1,32})\.([0-9]{3})\.([0-9A-Z])"
)


class Fault(StrEnum):
    """Why a text is not a certificate code."""

    FORMAT = "format"
    CHECK_CHARACTER = "check_character"


def check_character(text: str) -> str:
    """ISO 7064 MOD 37,36 over digits and capital letters."""
    product = 36
    for character in text:
        total = (product + ALPHABET.index(character)) % 36 or 36
        product = total * 2 % 37
    return ALPHABET[(37 - product) % 36]


def compose(root: str, *, type_code: str, issuer: str, serial: str, version: int) -> str:
    body = (type_code, issuer, serial, f"{version:03d}")
    return ".".join((root, *body, check_character("".join(body))))


def fault_of(code: str, root: str) -> Fault | None:
    """Why the code cannot have been issued; None when it can."""
    match = _BODY.fullmatch(code.removeprefix(f"{root}."))
    if match is None or not code.startswith(f"{root}."):
        return Fault.FORMAT
    *body, check = match.groups()
    return None if check_character("".join(body)) == check else Fault.CHECK_CHARACTER


def issuer_of(department_code: str, region_code: str) -> str:
    """The department's credit code, or its region when it has none (as in real certificates)."""
    code = department_code.upper()
    if is_credit_code(code):
        return code
    return region_code[:6] if region_code.endswith("000000") else region_code


def type_of(certificate_type: str | None, issuer: str) -> str:
    """The defined type, or else the issuer's decision document; 21 characters either way."""
    defined = (certificate_type or "").upper()
    if _TYPE.fullmatch(defined):
        return defined
    return issuer.ljust(_CREDIT_LENGTH, "0") + DECISION_DOCUMENT


def is_credit_code(code: str) -> bool:
    """GB 32100: 18 of 31 characters, the last a check character weighted by powers of three."""
    if len(code) != _CREDIT_LENGTH or not set(code) <= set(_CREDIT_ALPHABET):
        return False
    total = sum(_CREDIT_ALPHABET.index(c) * 3**place for place, c in enumerate(code[:-1]))
    return _CREDIT_ALPHABET[-total % 31] == code[-1]
