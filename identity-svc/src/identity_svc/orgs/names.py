"""What a person may type to sign in: a mobile number, an identity number or a username."""

import re
from typing import Final

MOBILE: Final = r"^1[3-9][0-9]{9}$"
USERNAME: Final = r"^[A-Za-z][A-Za-z0-9_.-]{2,31}$"


def is_mobile(text: str) -> bool:
    return re.fullmatch(MOBILE[1:-1], text) is not None


def is_username(text: str) -> bool:
    return re.fullmatch(USERNAME[1:-1], text) is not None


def reading(typed: str) -> tuple[str, str]:
    """Which kind of name this is, and its one spelling.

    Usernames begin with a letter, so that no text can be of two kinds.
    """
    text = typed.strip()
    if is_mobile(text):
        return "mobile", text
    if re.fullmatch(r"[0-9]{17}[0-9Xx]", text):
        return "id_number", text.upper()
    return "username", text.casefold()
