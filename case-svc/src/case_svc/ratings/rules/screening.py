"""Comments before anyone but the handlers reads them: personal numbers never reach the public."""

import re
from typing import Final

# Longest first, so that an identity number is not taken for a phone number and a remainder.
_PATTERNS: Final = (
    re.compile(r"(?<![0-9A-Za-z])[0-9]{17}[0-9Xx](?![0-9A-Za-z])"),
    re.compile(r"(?<![0-9])[0-9]{15,19}(?![0-9])"),
    re.compile(r"(?<![0-9])1[3-9][0-9]{9}(?![0-9])"),
    re.compile(r"(?<![0-9])0[0-9]{2,3}-?[0-9]{7,8}(?![0-9])"),
    re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+"),
    re.compile(r"https?://\S+"),
)
HIDDEN: Final = "***"


def screened(comment: str) -> str:
    """The comment with identity, card and phone numbers, mail and web addresses hidden."""
    for pattern in _PATTERNS:
        comment = pattern.sub(HIDDEN, comment)
    return comment
