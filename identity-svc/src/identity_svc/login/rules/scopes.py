"""Scopes: what a client may ask for, and what it is given."""

from collections.abc import Collection
from typing import Final

from identity_svc.login.errors import InvalidScope

OPENID: Final = "openid"
PROFILE: Final = "profile"
OFFLINE: Final = "offline_access"
WEB: Final = (OPENID, PROFILE, "cases", OFFLINE)


def granted(asked: str | None, permitted: Collection[str]) -> str:
    """The scopes asked for, in order and once each; all permitted ones when none were named."""
    if asked is None:
        return " ".join(permitted)
    words = list(dict.fromkeys(asked.split()))
    if not words or not set(words) <= set(permitted):
        raise InvalidScope("ask for scopes among: " + " ".join(permitted))
    return " ".join(words)
