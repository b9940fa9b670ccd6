"""What a service's headers say about keeping its answer, and what a client already holds."""

import re

from gateway.context import Headers

_SHARED = re.compile(rb",?\s*s-maxage=(\d+)")
_OWN = re.compile(rb"(?:^|[,\s])max-age=(\d+)")
_FORBIDS = re.compile(rb"(?:^|[,\s])(?:no-store|private|no-cache)(?:[,\s=]|$)")
_NEEDED_VARY = frozenset({b"accept-language", b"accept", b"accept-encoding", b""})


def keep_seconds(status: int, headers: Headers) -> float:
    """How long the gateway may keep the answer; 0 when it must not.

    Only answers marked `public` are kept: they are the same for everybody. `s-maxage` is meant for
    a cache that receives the service's events, so it wins; without it `max-age` holds.
    """
    fields = dict(headers)
    control = fields.get(b"cache-control", b"").lower()
    if status != 200 or b"public" not in control or _FORBIDS.search(control):  # noqa: PLR2004 - OK
        return 0
    if b"set-cookie" in fields or b"content-encoding" in fields:
        return 0
    varies = {part.strip().lower() for part in fields.get(b"vary", b"").split(b",")}
    age = _SHARED.search(control) or _OWN.search(control)
    return float(age[1]) if age and varies <= _NEEDED_VARY else 0


def outward(headers: Headers) -> Headers:
    """The headers for clients: how long the gateway keeps an answer is not for them."""
    return [(n, _SHARED.sub(b"", v) if n == b"cache-control" else v) for n, v in headers]


def is_held(if_none_match: bytes, etag: bytes) -> bool:
    """RFC 9110, 13.1.2: the weak comparison."""
    held = {part.strip().removeprefix(b"W/") for part in if_none_match.split(b",")}
    return b"*" in held or etag.removeprefix(b"W/") in held
