"""Paths and headers that may pass: what two parsers could read differently is refused."""

import re
from collections.abc import Mapping
from functools import lru_cache

from gateway.call import Call, Headers
from gateway.errors import Ambiguous, BadPath, HeadersTooLarge, UriTooLong

# Encoded dots, slashes, backslashes, percent signs and control characters: no path here needs
# them, and every trick that makes two servers see two paths does.
_TRICKS = re.compile(
    rb"%(?:2e|2f|5c|25|0[0-9a-f]|1[0-9a-f]|7f|(?![0-9a-f]{2}))|[^\x21-\x7e]|\\|//", re.IGNORECASE
)
_DOTS = re.compile(rb"(?:^|/)\.{1,2}(?:[/;]|$)")
_QUERY = re.compile(rb"[\x21-\x7e]*")
MAX_PATH_BYTES = 2048
MAX_QUERY_BYTES = 8192
MAX_HEADER_BYTES = 32 * 1024
MAX_HEADERS = 100
# How long the answer is still waited for, in milliseconds; a client may ask for less than we allow.
TIMEOUT = "X-Request-Timeout-Ms"

HOP_BY_HOP = frozenset(
    {
        b"connection",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
        b"http2-settings",
    }
)
_SET_ANEW = frozenset(
    {
        b"host",
        b"content-length",
        b"forwarded",
        b"x-real-ip",
        b"x-request-id",
        b"traceparent",
        b"expect",
        b"x-request-timeout-ms",
    }
)
_SET_HERE = frozenset(
    {b"x-request-id", b"traceparent", b"server", b"date", b"ratelimit", b"ratelimit-policy"}
)
# Two of these would let two readers pick two values.
_SINGLE = frozenset(
    {
        b"host",
        b"authorization",
        b"content-length",
        b"transfer-encoding",
        b"content-type",
        b"idempotency-key",
        b"if-match",
    }
)
# What gateway and service must see alike; a `Connection` that names one would hide it from one.
_SHARED = _SINGLE | {b"accept", b"accept-language", b"cookie", b"if-none-match", b"last-event-id"}
_NAMES: dict[bytes, bytes | None] = {}
_ANSWERED: dict[bytes, bytes | None] = {}
_KNOWN_NAMES = 512


def check_path(raw_path: bytes, query: bytes) -> None:
    """Raise BadPath for anything but plain segments."""
    if not raw_path.startswith(b"/") or _TRICKS.search(raw_path) or _DOTS.search(raw_path):
        raise BadPath
    if len(raw_path) > MAX_PATH_BYTES:
        raise UriTooLong(limit=MAX_PATH_BYTES)
    if len(query) > MAX_QUERY_BYTES:
        raise UriTooLong(limit=MAX_QUERY_BYTES)
    if query and not _QUERY.fullmatch(query):
        raise BadPath


def check_headers(raw: Headers, looked_up: Mapping[bytes, bytes], version: str) -> None:
    """Refuse requests whose framing or sender depends on who reads them."""
    if sum(map(len, looked_up.values())) > MAX_HEADER_BYTES or len(raw) > MAX_HEADERS:
        raise HeadersTooLarge(limit=MAX_HEADER_BYTES)
    if len(raw) != len(looked_up):
        names = [name for name, _ in raw if name in _SINGLE]
        if len(names) != len(set(names)):
            raise Ambiguous
    if b"connection" in looked_up and named_by_connection(raw) & _SHARED:
        raise Ambiguous
    coding = looked_up.get(b"transfer-encoding")
    if coding is not None and (coding.lower() != b"chunked" or b"content-length" in looked_up):
        raise Ambiguous
    # RFC 9112: a request of 1.1 names its host, and one of 1.0 knows no chunks.
    if b"host" not in looked_up if version == "1.1" else coding is not None:
        raise Ambiguous


def named_by_connection(raw: Headers) -> set[bytes]:
    """The headers that all `Connection` lines together keep to this connection."""
    lines = b",".join([value for name, value in raw if name == b"connection"])
    return {part.strip() for part in lines.lower().split(b",")}


def request_head(call: Call, forwarded: bytes, framing: bytes, seconds: float) -> bytes:
    """The request as the service gets it, up to its body.

    The client's headers less hop-by-hop, internal and forged ones, then our own; `forwarded` is
    what does not differ between the requests of one client, `framing` says where the body ends.
    """
    raw: Headers = call.scope["headers"]
    if b"connection" in call.headers:
        named = named_by_connection(raw)
        raw = [(name, value) for name, value in raw if name not in named]
    target = b"%b?%b" % (call.raw_path, call.query) if call.query else call.raw_path
    parts = [b"%b %b HTTP/1.1\r\n" % (call.method.encode(), target)]
    for name, value in raw:
        word = _NAMES[name] if name in _NAMES else _learn(name)
        if word is not None:
            _ensure_text(value)
            parts += (word, value, b"\r\n")
    own = f"{call.request_id}\r\nTraceparent: {call.traceparent}\r\n{TIMEOUT}: {seconds * 1000:.0f}"
    parts += (framing, forwarded, b"X-Request-Id: ", own.encode(), b"\r\n\r\n")
    return b"".join(parts)


@lru_cache(maxsize=4096)
def forwarded_for(client: str, host: str, scheme: str) -> bytes:
    """The headers that tell a service whom it answers, ready to be sent."""
    node = f'"[{client}]"' if ":" in client else client
    return (
        f"Host: {host}\r\nX-Forwarded-For: {client}\r\nX-Forwarded-Host: {host}\r\n"
        f"X-Forwarded-Proto: {scheme}\r\n"
        f'Forwarded: for={node};host="{host}";proto={scheme}\r\n'
    ).encode()


def _ensure_text(value: bytes) -> None:
    if not value.isascii():
        try:
            value.decode()
        except UnicodeDecodeError as error:
            raise Ambiguous from error


def response_headers(raw: Headers) -> Headers:
    """The service's headers less hop-by-hop ones and those the gateway sets itself."""
    kept = []
    listed = None
    for name, value in raw:
        word = _ANSWERED[name] if name in _ANSWERED else _learn_answered(name)
        if word is not None:
            kept.append((word, value))
        elif name.lower() == b"connection":
            listed = value
    if listed is not None:
        named = {part.strip().lower() for part in listed.split(b",")}
        return [(name, value) for name, value in kept if name not in named]
    return kept


def _learn(name: bytes) -> bytes | None:
    """How the name is passed on, None when it is dropped; remembered, for it is asked often."""
    dropped = (
        name in HOP_BY_HOP
        or name in _SET_ANEW
        or b"_" in name
        or name.startswith((b"x-internal-", b"x-forwarded-"))
    )
    word = None if dropped else name + b": "
    if len(_NAMES) < _KNOWN_NAMES:
        _NAMES[name] = word
    return word


def _learn_answered(name: bytes) -> bytes | None:
    lowered = name.lower()
    word = None if lowered in HOP_BY_HOP or lowered in _SET_HERE else lowered
    if len(_ANSWERED) < _KNOWN_NAMES:
        _ANSWERED[name] = word
    return word
