"""Where an authorization response may go: an exact address, or any port of the user's machine."""

import re
from collections.abc import Mapping, Sequence
from typing import Final
from urllib.parse import urlencode

# When registered, these allow every port and path of the user's own machine (RFC 8252, 7.3).
LOOPBACKS: Final = ("http://127.0.0.1", "http://localhost", "http://[::1]")

# A strict pattern instead of a URL parser: redirect attacks use what parsers accept (user names,
# fragments, backslashes, blanks, abbreviated addresses).
_SHAPE: Final = re.compile(
    r"(?P<host>https?://(?:\[::1\]|[a-z0-9.-]+))(?P<port>:[0-9]{1,5})?"
    r"(?:/[A-Za-z0-9._~!$&'()*+,;=:@%/-]*)?"
    r"(?:\?[A-Za-z0-9._~!$&'()*+,;=:@%/?-]*)?"
)
_HIGHEST_PORT: Final = 65535


def is_allowed(uri: str, registered: Sequence[str]) -> bool:
    match = _SHAPE.fullmatch(uri)
    if match is None or int((match["port"] or ":0")[1:]) > _HIGHEST_PORT:
        return False
    if match["host"] in LOOPBACKS and match["host"] in registered:
        return True
    return uri in registered and uri not in LOOPBACKS


def origin_of(uri: str) -> str:
    """Scheme, host and port of an allowed address."""
    match = _SHAPE.fullmatch(uri)
    assert match is not None
    return match["host"] + (match["port"] or "")


def with_parameters(uri: str, parameters: Mapping[str, str | None]) -> str:
    """The address with the parameters that have a value, after those it already has."""
    query = urlencode({name: value for name, value in parameters.items() if value is not None})
    return uri + ("&" if "?" in uri else "?") + query
