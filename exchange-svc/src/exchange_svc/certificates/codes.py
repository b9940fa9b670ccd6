"""Certificate codes (证照标识, GB/T 36904): root, type, issuer, serial, version, check."""

import re
from dataclasses import dataclass

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
DECISION_DOCUMENT = "000"  # the three digits of a type that no authority has defined
_USCC = re.compile(r"^[0-9A-HJ-NPQRTUWXY]{18}$")
_SEGMENT = re.compile(r"^[0-9A-Z]+$")
_VERSION = re.compile(r"^\d{3}$")


@dataclass(frozen=True)
class Parts:
    type: str
    issuer: str
    serial: str
    version: str
    check: str


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


def parse(code: str, root: str) -> Parts | None:
    """The parts of a code whose check character is right, none for anything else."""
    if not code.startswith(f"{root}."):
        return None
    pieces = code.removeprefix(f"{root}.").split(".")
    if len(pieces) != len(Parts.__dataclass_fields__):
        return None
    parts = Parts(*pieces)
    well_formed = all(_SEGMENT.match(piece) for piece in pieces) and _VERSION.match(parts.version)
    if not well_formed or check_character("".join(pieces[:-1])) != parts.check:
        return None
    return parts


def issuer_of(department_code: str, region_code: str) -> str:
    """The department's USCC where its code is one, else the six digits of its region."""
    code = department_code.upper()
    return code if _USCC.match(code) else region_code[:6]


def type_of(certificate_type: str | None, issuer: str) -> str:
    """The defined type, else the issuer's plain decision document."""
    if certificate_type and _SEGMENT.match(certificate_type):
        return certificate_type
    return f"{issuer}{DECISION_DOCUMENT}"
