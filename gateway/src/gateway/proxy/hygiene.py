"""Paths and headers that may pass: what two parsers could read differently is refused."""

import re

from multidict import CIMultiDict

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
    {b"host", b"forwarded", b"x-real-ip", b"x-request-id", b"traceparent", b"expect"}
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
_NAMES: dict[bytes, str | None] = {}
_KNOWN_NAMES = 512


def check_path(raw_path: bytes, query: bytes) -> None:
    """Raise BadPath for anything but plain segments."""
    if not raw_path.startswith(b"/") or _TRICKS.search(raw_path) or _DOTS.search(raw_path):
        raise BadPath
    if len(raw_path) > MAX_PATH_BYTES or len(query) > MAX_QUERY_BYTES:
        raise UriTooLong(limit=MAX_PATH_BYTES)
    if query and not _QUERY.fullmatch(query):
        raise BadPath


def check_headers(raw: Headers, looked_up: dict[bytes, bytes]) -> None:
    """Refuse requests whose framing or sender depends on who reads them."""
    if sum(map(len, looked_up.values())) > MAX_HEADER_BYTES or len(raw) > MAX_HEADERS:
        raise HeadersTooLarge(limit=MAX_HEADER_BYTES)
    if len(raw) != len(looked_up):
        names = [name for name, _ in raw if name in _SINGLE]
        if len(names) != len(set(names)):
            raise Ambiguous
    coding = looked_up.get(b"transfer-encoding")
    if coding is not None and (coding.lower() != b"chunked" or b"content-length" in looked_up):
        raise Ambiguous


def request_headers(call: Call, issuer_host: str, scheme: str) -> CIMultiDict[str]:
    """The client's headers less hop-by-hop, internal and forged ones, plus our own."""
    raw: Headers = call.scope["headers"]
    listed = call.headers.get(b"connection")
    if listed is not None:
        named = {part.strip() for part in listed.lower().split(b",")}
        raw = [(name, value) for name, value in raw if name not in named]
    kept: CIMultiDict[str] = CIMultiDict()
    try:
        for name, value in raw:
            word = _NAMES[name] if name in _NAMES else _learn(name)
            if word is not None:
                kept.add(word, value.decode())
    except UnicodeDecodeError as error:
        raise Ambiguous from error
    client = call.address
    node = f'"[{client}]"' if ":" in client else client
    kept["Host"] = issuer_host
    kept["X-Forwarded-For"] = client
    kept["X-Forwarded-Host"] = issuer_host
    kept["X-Forwarded-Proto"] = scheme
    kept["Forwarded"] = f'for={node};host="{issuer_host}";proto={scheme}'
    kept["X-Request-Id"] = call.request_id
    kept["Traceparent"] = call.traceparent
    return kept


def response_headers(raw: Headers) -> Headers:
    """The service's headers less hop-by-hop ones and those the gateway sets itself."""
    lowered = [(name.lower(), value) for name, value in raw]
    kept = [(n, v) for n, v in lowered if n not in HOP_BY_HOP and n not in _SET_HERE]
    for name, value in lowered:
        if name == b"connection":
            named = {part.strip().lower() for part in value.split(b",")}
            return [(n, v) for n, v in kept if n not in named]
    return kept


def _learn(name: bytes) -> str | None:
    """The name as it is passed on, None when it is dropped; remembered, for it is asked often."""
    dropped = (
        name in HOP_BY_HOP
        or name in _SET_ANEW
        or b"_" in name
        or name.startswith((b"x-internal-", b"x-forwarded-"))
    )
    word = None if dropped else name.decode("ascii")
    if len(_NAMES) < _KNOWN_NAMES:
        _NAMES[name] = word
    return word
