"""The code shapes an item arrives with: kept as written, read where they can be, never refused."""

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
    """What could be read off a code; `text` is always exactly what was written."""

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
    """Read a code of any shape; a national one counts only when its credit code checks out."""
    if (found := _NATIONAL.fullmatch(text)) and uscc_is_valid(found["issuer"]):
        return ItemCode(text, _national_kind(text), **found.groupdict())
    if found := _SICHUAN.fullmatch(text):
        return ItemCode(text, "sichuan", **found.groupdict())
    if found := _SICHUAN_SHORT.fullmatch(text):
        return ItemCode(text, "sichuan_short", **found.groupdict())
    return ItemCode(text, "other")


def _national_kind(text: str) -> Kind:
    return "national" if len(text) == 31 else "national_handling"  # noqa: PLR2004 - the length is the rule


def uscc_is_valid(code: str) -> bool:
    """Whether an 18-character unified social credit code ends in its check character."""
    if not re.fullmatch(rf"[{ALPHABET}]{{18}}", code):
        return False
    total = sum(w * ALPHABET.index(c) for w, c in zip(_WEIGHTS, code[:17], strict=True))
    return ALPHABET[-total % 31] == code[17]


def task_type(written: str) -> str | None:
    """The two-digit item type; lists write `1` for `01`. None when it is no type at all."""
    return written.zfill(2) if re.fullmatch(r"\d{1,2}", written) else None


def region_code(written: str) -> str | None:
    """The 12-digit division code; 6 digits are padded. None when it is no code at all."""
    return written.ljust(12, "0") if re.fullmatch(r"\d{6}(\d{6})?", written) else None


def region_and_above(code: str) -> list[str]:
    """A division and the ones it lies in, nearest first: village, town, county, city, province."""
    bare = code[:12]
    cuts = [code] + [bare[:end].ljust(12, "0") for end in (9, 6, 4, 2)]
    return list(dict.fromkeys(cuts))
