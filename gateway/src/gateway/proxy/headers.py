"""Which headers pass from the client to a service, and from the service to the client."""

from functools import lru_cache

from gateway.context import Headers, RequestContext
from gateway.errors import Ambiguous
from gateway.proxy.request_validation import named_by_connection

# How long the answer is still waited for, in milliseconds; a client may ask for less than we allow.
TIMEOUT = "X-Request-Timeout-Ms"
TextHeaders = list[tuple[str, str]]
_HOP_BY_HOP = frozenset(
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
_SET_FOR_SERVICES = frozenset(
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
_SET_FOR_CLIENTS = frozenset(
    {b"x-request-id", b"traceparent", b"server", b"date", b"ratelimit", b"ratelimit-policy"}
)


def request_headers(context: RequestContext, host: str, scheme: str, seconds: float) -> TextHeaders:
    """The client's headers less hop-by-hop, internal and forged ones, then our own.

    The headers that frame the body are not among them: whoever sends the body sets them.
    """
    headers = context.headers
    if b"connection" in context.fields:
        named = named_by_connection(headers)
        headers = [header for header in headers if header[0] not in named]
    try:
        passed = [(word, value.decode()) for name, value in headers if (word := _to_service(name))]
    except UnicodeDecodeError as error:
        raise Ambiguous from error
    passed += _of_the_client(context.address, host, scheme)
    passed += (
        ("X-Request-Id", context.request_id),
        ("Traceparent", context.traceparent),
        (TIMEOUT, f"{seconds * 1000:.0f}"),
    )
    return passed


def response_headers(raw: tuple[tuple[bytes, bytes], ...]) -> Headers:
    """The service's headers less hop-by-hop ones and those the gateway sets itself."""
    passed = [(word, value) for name, value in raw if (word := _to_client(name))]
    listed = [value.lower() for name, value in raw if name.lower() == b"connection"]
    if listed:
        named = {part.strip() for part in b",".join(listed).split(b",")}
        passed = [header for header in passed if header[0] not in named]
    return passed


@lru_cache(maxsize=4096)
def _of_the_client(address: str, host: str, scheme: str) -> tuple[tuple[str, str], ...]:
    """The headers that tell a service whom it answers."""
    node = f'"[{address}]"' if ":" in address else address
    return (
        ("Host", host),
        ("X-Forwarded-For", address),
        ("X-Forwarded-Host", host),
        ("X-Forwarded-Proto", scheme),
        ("Forwarded", f'for={node};host="{host}";proto={scheme}'),
    )


@lru_cache(maxsize=512)
def _to_service(name: bytes) -> str | None:
    """The name as it is passed on; None when the header is dropped."""
    internal = b"_" in name or name.startswith((b"x-internal-", b"x-forwarded-"))
    dropped = internal or name in _HOP_BY_HOP or name in _SET_FOR_SERVICES
    return None if dropped else name.decode("latin-1")


@lru_cache(maxsize=512)
def _to_client(name: bytes) -> bytes | None:
    name = name.lower()
    return None if name in _HOP_BY_HOP or name in _SET_FOR_CLIENTS else name
