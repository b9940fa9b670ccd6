"""Names of people and sign-in names: a mobile number, an identity number or a username."""

import re
from typing import Final

MOBILE: Final = r"^1[3-9][0-9]{9}$"
# No control, direction or zero-width characters: they are invisible on a screen.
PLAIN: Final = r"^[^\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]*$"
USERNAME: Final = r"^[A-Za-z][A-Za-z0-9_.-]{2,31}$"


def is_mobile(text: str) -> bool:
    return re.fullmatch(MOBILE[1:-1], text) is not None


def is_username(text: str) -> bool:
    return re.fullmatch(USERNAME[1:-1], text) is not None


def is_plain(text: str) -> bool:
    """Whether a name is visible and can be stored; halves of surrogate pairs cannot."""
    return re.fullmatch(PLAIN[1:-1], text) is not None and not re.search("[\ud800-\udfff]", text)


def parse_sign_in_name(typed: str) -> tuple[str, str]:
    """The kind of a sign-in name and its canonical spelling.

    Usernames begin with a letter, so that no text can be of two kinds.
    """
    text = typed.strip()
    if is_mobile(text):
        return "mobile", text
    if re.fullmatch(r"[0-9]{17}[0-9Xx]", text):
        return "id_number", text.upper()
    return "username", text.casefold()
