"""Paths and headers that may pass: what two parsers could read differently is refused."""

import re

from gateway.call import Call, Headers
from gateway.errors import BadPath

# Encoded dots, slashes, backslashes, percent signs and control characters: no path here needs
# them, and every trick that makes two servers see two paths does.
_TRICKS = re.compile(
    rb"%(?:2e|2f|5c|25|0[0-9a-f]|1[0-9a-f]|7f)|[\\\x00-\x20\x7f]|//", re.IGNORECASE
)
_DOTS = re.compile(rb"(?:^|/)\.{1,2}(?:/|$)")

HOP_BY_HOP = {
    b"connection",
    b"keep-alive",
    b"proxy-authenticate",
    b"proxy-authorization",
    b"proxy-connection",
    b"te",
    b"trailer",
    b"transfer-encoding",
    b"upgrade",
}
_SET_ANEW = {
    b"host",
    b"content-length",
    b"forwarded",
    b"x-forwarded-for",
    b"x-forwarded-host",
    b"x-forwarded-proto",
    b"x-real-ip",
    b"x-request-id",
    b"expect",
}


def check_path(raw_path: bytes) -> None:
    """Raise BadPath for anything but plain segments."""
    if not raw_path.startswith(b"/") or _TRICKS.search(raw_path) or _DOTS.search(raw_path):
        raise BadPath


def request_headers(call: Call, issuer_host: str, scheme: str) -> list[tuple[str, str]]:
    """The client's headers less hop-by-hop, internal and forged ones, plus our own."""
    named = call.headers.get("connection", "").lower()
    listed = {part.strip().encode() for part in named.split(",")}
    kept = [
        (name.decode("latin-1"), value.decode("latin-1"))
        for name, value in call.scope["headers"]
        if name not in HOP_BY_HOP
        and name not in _SET_ANEW
        and name not in listed
        and not name.startswith(b"x-internal-")
    ]
    kept += [
        ("Host", issuer_host),
        ("X-Forwarded-For", call.address),
        ("X-Forwarded-Host", issuer_host),
        ("X-Forwarded-Proto", scheme),
        ("X-Request-Id", call.request_id),
    ]
    return kept


def response_headers(raw: Headers) -> Headers:
    left_out = HOP_BY_HOP | {b"x-request-id", b"server", b"date"}
    return [(name.lower(), value) for name, value in raw if name.lower() not in left_out]
