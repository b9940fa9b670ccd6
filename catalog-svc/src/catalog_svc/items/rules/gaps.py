"""A gap: one thing that a guide still lacks."""

from dataclasses import dataclass


def escaped(name: str) -> str:
    """A member's name as one token of a JSON pointer (RFC 6901)."""
    return name.replace("~", "~0").replace("/", "~1")


@dataclass(frozen=True)
class Gap:
    """`pointer` is a JSON pointer into the guide."""

    code: str
    pointer: str
    zh: str
    en: str
