"""File names from strangers: made harmless once on the way in, quoted safely on the way out."""

import re
import unicodedata
from typing import Final
from urllib.parse import quote

LONGEST: Final = 120
LONGEST_EXTENSION: Final = 10
FALLBACK: Final = "file"

# Cc, Cf: control and invisible characters, bidirectional overrides among them ("gpj.exe");
# Cs, Co, Cn: what has no agreed shape; Zl, Zp: line breaks.
_REFUSED_CATEGORIES: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_RESERVED: Final = re.compile(r'[<>:"|?*]')


def clean(name: str) -> str:
    """The last path part without anything a file system, shell or header could trip over."""
    last = re.split(r"[/\\]", unicodedata.normalize("NFC", name))[-1]
    visible = "".join(c for c in last if unicodedata.category(c) not in _REFUSED_CATEGORIES)
    tidy = _RESERVED.sub("_", " ".join(visible.split())).strip(". ")
    if len(tidy) <= LONGEST:
        return tidy or FALLBACK
    ending = extension(tidy)
    if not ending or len(ending) > LONGEST_EXTENSION:
        return tidy[:LONGEST].rstrip(". ")
    return tidy[: LONGEST - len(ending) - 1].rstrip(". ") + "." + ending


def extension(name: str) -> str:
    """`"Scan.PDF"` → `"pdf"`; none → `""`."""
    stem, dot, ending = name.rpartition(".")
    return ending.lower() if dot and stem else ""


def disposition(name: str) -> str:
    """`Content-Disposition` as RFC 6266 wants it: an ASCII stand-in and the real name."""
    plain = "".join(c if c.isascii() and c.isprintable() and c not in '"\\%' else "_" for c in name)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"
