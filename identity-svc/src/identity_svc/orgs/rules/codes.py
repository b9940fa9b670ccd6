"""Administrative division codes: 2 province, 2 city, 2 county, 3 town, 3 village digits."""

import re
from enum import StrEnum
from typing import Final

from identity_svc.orgs.errors import BadRegionCode

GROUPS: Final = ((0, 2), (2, 4), (4, 6), (6, 9), (9, 12))
LENGTH: Final = 12


class Level(StrEnum):
    PROVINCE = "province"
    CITY = "city"
    COUNTY = "county"
    TOWN = "town"
    VILLAGE = "village"


def full_code(code: str) -> str:
    """The 12-digit form of a code written with 2, 4, 6, 9 or 12 digits."""
    written = code.strip()
    if not re.fullmatch(r"[0-9]+", written) or len(written) not in {end for _, end in GROUPS}:
        raise BadRegionCode(code)
    if written.startswith("00"):
        raise BadRegionCode(code)
    return written.ljust(LENGTH, "0")


def level_of(code: str) -> Level:
    """The deepest group of a 12-digit code that is not zero."""
    return list(Level)[_depth(code)]


def parent_of(code: str) -> str | None:
    """The division above; a skipped group (东莞 has no counties) is no level."""
    start, _ = GROUPS[_depth(code)]
    above = code[:start]
    return full_code(_trimmed(above)) if above else None


def covers(region: str, other: str) -> bool:
    """Whether `other` is `region` itself or lies inside it; both in 12 digits."""
    return other.startswith(_trimmed(region))


def _depth(code: str) -> int:
    return max(place for place, (start, end) in enumerate(GROUPS) if code[start:end].strip("0"))


def _trimmed(code: str) -> str:
    return code[: GROUPS[_depth(code)][1]]
