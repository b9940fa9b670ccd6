"""Scopes: what a client may request, and what it is granted."""

from collections.abc import Collection
from typing import Final

from identity_svc.login.errors import InvalidScope

OPENID: Final = "openid"
PROFILE: Final = "profile"
OFFLINE: Final = "offline_access"
WEB: Final = (OPENID, PROFILE, "cases", OFFLINE)


def granted_scope(requested: str | None, permitted: Collection[str]) -> str:
    """The requested scopes in order, each once; all permitted ones when none were requested."""
    if requested is None:
        return " ".join(permitted)
    scopes = list(dict.fromkeys(requested.split()))
    if not scopes or not set(scopes) <= set(permitted):
        raise InvalidScope("request scopes among: " + " ".join(permitted))
    return " ".join(scopes)
