"""Item codes of every shape in use: kept as written, parsed where possible, never refused."""

import re
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal

Kind = Literal["national", "national_handling", "sichuan", "sichuan_short", "other"]

ALPHABET: Final = "0123456789ABCDEFGHJKLMNPQRTUWXY"  # GB 32100: no I, O, S, V, Z
_WEIGHTS: Final = tuple(pow(3, place, 31) for place in range(17))

_NATIONAL: Final = re.compile(
    rf"(?P<issuer>[{ALPHABET}]{{18}})(?P<level>[1-7])(?P<catalog_code>\d{{12}})(?P<serial>\d{{2}})?"
)
_SICHUAN: Final = re.compile(
    r"(?P<base>[0-9A-Z][0-9A-Z-]*)-(?P<region>\d{12})-(?P<variant>\d{3})"
    r"-(?P<issuer>[0-9A-Za-z_-]+)-(?P<level>\d)-(?P<serial>\d{2})"
)
_SICHUAN_SHORT: Final = re.compile(r"(?P<base>[A-Z]-\d{6}-\d{3})-(?P<issuer>[0-9A-Za-z]+)")


@dataclass(frozen=True)
class ItemCode:
    """The parts of a code that could be parsed; `text` is the code exactly as written."""

    text: str
    kind: Kind
    base: str | None = None
    region: str | None = None
    variant: str | None = None
    issuer: str | None = None
    level: str | None = None
    serial: str | None = None
    catalog_code: str | None = None

    @property
    def task_code(self) -> str | None:
        """The national 31-character code, when that is what this is."""
        return self.text[:31] if self.kind.startswith("national") else None

    def parts(self) -> dict[str, Any]:
        return {name: value for name, value in asdict(self).items() if value is not None}


def parse(text: str) -> ItemCode:
    """Parse a code of any shape; a national one must contain a valid credit code."""
    if (match := _NATIONAL.fullmatch(text)) and uscc_is_valid(match["issuer"]):
        kind: Kind = "national_handling" if match["serial"] else "national"
        return ItemCode(text, kind, **match.groupdict())
    if match := _SICHUAN.fullmatch(text):
        return ItemCode(text, "sichuan", **match.groupdict())
    if match := _SICHUAN_SHORT.fullmatch(text):
        return ItemCode(text, "sichuan_short", **match.groupdict())
    return ItemCode(text, "other")


def uscc_is_valid(code: str) -> bool:
    """Whether an 18-character unified social credit code ends in its check character."""
    if not re.fullmatch(rf"[{ALPHABET}]{{18}}", code):
        return False
    total = sum(w * ALPHABET.index(c) for w, c in zip(_WEIGHTS, code[:17], strict=True))
    return ALPHABET[-total % 31] == code[17]


def task_type(written: str) -> str | None:
    """The two-digit item type (lists write `1` for `01`), or None for any other text."""
    return written.zfill(2) if re.fullmatch(r"\d{1,2}", written) else None


def region_code(written: str) -> str | None:
    """The 12-digit division code (6 digits are padded), or None for any other text."""
    return written.ljust(12, "0") if re.fullmatch(r"\d{6}(\d{6})?", written) else None


def region_and_above(code: str) -> list[str]:
    """A division and those it belongs to, nearest first: town, county, city, province."""
    bare = code[:12]
    cuts = [code] + [bare[:end].ljust(12, "0") for end in (9, 6, 4, 2)]
    return list(dict.fromkeys(cuts))
