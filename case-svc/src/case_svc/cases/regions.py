"""Administrative divisions as 12 digits: 2 province, 2 city, 2 county, 3 town, 3 village."""

from functools import lru_cache
from typing import Final

_GROUPS: Final = (2, 4, 6, 9, 12)


@lru_cache(maxsize=4096)
def stem(code: str) -> str:
    """The digits that say something: trailing groups of zeros left off."""
    full = code.ljust(12, "0")
    for length in reversed(_GROUPS):
        if full[:length] != "0" * length and not _empty(full, length):
            return full[:length]
    return ""


def covers(wide: str, narrow: str) -> bool:
    """Whether `narrow` is `wide` itself or lies in it."""
    return narrow.startswith(stem(wide))


def _empty(code: str, length: int) -> bool:
    start = ((0, *_GROUPS))[_GROUPS.index(length)]
    return set(code[start:length]) == {"0"}
