"""Refuses requests that two parsers could read differently, before anybody acts on them."""

import re

from starlette.types import ASGIApp, Receive, Scope, Send

from chassis.problems import MethodNotAllowed
from gateway.context import Headers, RequestContext, context_of
from gateway.errors import Ambiguous, BadPath, HeadersTooLarge, UriTooLong

METHODS = ("DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT")
MAX_PATH_BYTES = 2048
MAX_QUERY_BYTES = 8192
MAX_HEADER_BYTES = 32 * 1024
MAX_HEADERS = 100
# Encoded dots, slashes, backslashes, percent signs and control characters: no path here needs
# them, and every trick that makes two servers see two paths does.
_TRICKS = re.compile(
    rb"%(?:2e|2f|5c|25|0[0-9a-f]|1[0-9a-f]|7f|(?![0-9a-f]{2}))|[^\x21-\x7e]|\\|//", re.IGNORECASE
)
_DOTS = re.compile(rb"(?:^|/)\.{1,2}(?:[/;]|$)")
_QUERY = re.compile(rb"[\x21-\x7e]*")
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
# Gateway and service must see these alike; a `Connection` that names one would hide it from one.
_SHARED = _SINGLE | {b"accept", b"accept-language", b"cookie", b"if-none-match", b"last-event-id"}


class RequestValidation:
    """Middleware: a sound path, headers with one meaning, a method we know, an accepted token."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            context = context_of(scope)
            check_path(context.raw_path, context.query)
            check_headers(context, scope["http_version"])
            if context.method not in METHODS:
                raise MethodNotAllowed(allowed=", ".join(METHODS))
            if context.refusal is not None:
                raise context.refusal
        await self.app(scope, receive, send)


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


def check_headers(context: RequestContext, version: str) -> None:
    """Refuse requests whose framing or sender depends on who reads them."""
    headers, fields = context.headers, context.fields
    if sum(map(len, fields.values())) > MAX_HEADER_BYTES or len(headers) > MAX_HEADERS:
        raise HeadersTooLarge(limit=MAX_HEADER_BYTES)
    if len(headers) != len(fields):
        names = [name for name, _ in headers if name in _SINGLE]
        if len(names) != len(set(names)):
            raise Ambiguous
    if b"connection" in fields and named_by_connection(headers) & _SHARED:
        raise Ambiguous
    if not _is_framed_once(context, version):
        raise Ambiguous


def _is_framed_once(context: RequestContext, version: str) -> bool:
    """Whether everybody finds the same end of the request."""
    fields = context.fields
    coding = fields.get(b"transfer-encoding")
    if coding is not None and (coding.lower() != b"chunked" or b"content-length" in fields):
        return False
    # The parser takes what follows an upgrade for another protocol, also if it is a body.
    if b"upgrade" in fields and context.body_bytes != 0:
        return False
    # RFC 9112: a request of 1.1 names its host, and one of 1.0 knows no chunks.
    return b"host" in fields if version == "1.1" else version == "1.0" and coding is None


def named_by_connection(headers: Headers) -> set[bytes]:
    """The headers that all `Connection` lines together keep to this connection."""
    lines = b",".join([value for name, value in headers if name == b"connection"])
    return {part.strip() for part in lines.lower().split(b",")}
