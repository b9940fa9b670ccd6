"""Fictitious people with numbers that are formally right."""

from __future__ import annotations

import secrets
from typing import Any

WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
SURNAMES = "赵钱孙李周吴郑王冯陈"
GIVEN = "安宁和乐康健明远思齐"


def check_digit(first_17: str) -> str:
    return "10X98765432"[sum(int(d) * w for d, w in zip(first_17, WEIGHTS, strict=True)) % 11]


def id_number(region: str = "511602", birth: str | None = None) -> str:
    pick = secrets.randbelow
    day = birth or f"{1950 + pick(50)}{1 + pick(12):02}{1 + pick(28):02}"
    first = f"{region}{day}{pick(1000):03}"
    return first + check_digit(first)


def registration() -> dict[str, Any]:
    name = secrets.choice(SURNAMES) + secrets.choice(GIVEN) + secrets.choice(GIVEN)
    return {
        "name": name,
        "id_number": id_number(),
        "mobile": f"199{secrets.randbelow(10**8):08}",
        "password": f"Aa1!{secrets.token_urlsafe(12)}",
    }


def certificate_code(kind: str, issuer: str, serial: str, version: str = "001") -> str:
    """A well-formed identifier: ISO 7064 MOD 37,36 over the parts."""
    check = mod_37_36(kind + issuer + serial + version)
    return f"1.2.156.3005.2.{kind}.{issuer}.{serial}.{version}.{check}"


def mod_37_36(text: str) -> str:
    alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    check = 18
    for char in text:
        check = (((check or 36) * 2) % 37 + alphabet.index(char)) % 36
    return alphabet[(1 - ((check or 36) * 2) % 37) % 36]
