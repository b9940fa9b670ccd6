"""Administrative divisions as 12 digits: 2 province, 2 city, 2 county, 3 town, 3 village."""

from functools import lru_cache
from itertools import pairwise
from typing import Final

_GROUPS: Final = (2, 4, 6, 9, 12)


@lru_cache(maxsize=4096)
def stem(code: str) -> str:
    """The digits that say something: trailing groups of zeros left off."""
    full = code.ljust(12, "0")
    for start, end in reversed([*pairwise((0, *_GROUPS))]):
        if set(full[start:end]) != {"0"}:
            return full[:end]
    return ""


def covers(wide: str, narrow: str) -> bool:
    """Whether `narrow` is `wide` itself or lies in it."""
    return narrow.startswith(stem(wide))
