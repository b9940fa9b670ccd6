"""One thing a guide still lacks."""

from dataclasses import dataclass


def escaped(name: str) -> str:
    """A member's name as one part of a JSON pointer."""
    return name.replace("~", "~0").replace("/", "~1")


@dataclass(frozen=True)
class Gap:
    """`pointer` is an RFC 6901 JSON pointer into the guide."""

    code: str
    pointer: str
    zh: str
    en: str
