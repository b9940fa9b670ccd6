"""Which passwords are too weak."""

from typing import Final

SHORTEST: Final = 8
LONGEST: Final = 128


def is_weak(password: str, *names: str | None) -> bool:
    """Too short, too long, or one of the names it protects."""
    folded = password.casefold()
    return not SHORTEST <= len(password) <= LONGEST or folded in {
        name.casefold() for name in names if name
    }
