"""A kept answer given at once, without a task and without ASGI: most public reads end here.

Only a plain GET takes this way; whatever could make a difference (a token, a range, a body, a
trace, a shared collector, a limit that is reached) goes the long way, which answers the same.
"""

import time
from collections.abc import Iterable

from gateway.app import Gateway, counted
from gateway.cache.freshness import is_held
from gateway.cache.serving import find_kept, note_hit
from gateway.cache.store import Kept
from gateway.call import Headers, language_of_header
from gateway.ids import hyphened, new_request_id, new_span_id
from gateway.limits.checking import limit_headers
from gateway.limits.clients import bucket_key

_MOST_HEADERS = 40
_MOST_BYTES = 16 * 1024
# The long way knows what these mean.
_CARE = frozenset(
    {
        b"authorization",
        b"cache-control",
        b"connection",
        b"content-length",
        b"cookie",
        b"expect",
        b"if-match",
        b"if-modified-since",
        b"pragma",
        b"range",
        b"traceparent",
        b"transfer-encoding",
        b"upgrade",
    }
)


def kept_answer(
    gateway: Gateway,
    url: bytes,
    headers: Headers,
    peer: str | None,
    own: Iterable[tuple[bytes, bytes]],
) -> bytes | None:
    """The whole answer, ready to be sent; None when the long way must be taken.

    `own` are the headers that the server gives to every answer.
    """
    began = time.perf_counter()
    asked = _asked(gateway, headers)
    if asked is None:
        return None
    path, _, query = url.partition(b"?")
    language = language_of_header(asked.get(b"accept-language", b""))
    kept = find_kept(gateway.cache, (path, query, language, asked.get(b"accept", b"*/*")))
    if kept is None:
        return None
    client = gateway.addresses.client(peer, asked.get(b"x-forwarded-for"))
    policy = gateway.policies["read"]
    told: Headers = []
    if policy.rate:
        verdict = gateway.buckets.take(policy, bucket_key(client), time.monotonic())
        if verdict.wait:
            return None
        told = limit_headers(policy, verdict)
    note_hit()
    status, answer = _answer(kept, asked.get(b"if-none-match"), [*own, *told])
    counted(gateway, kept.service, "GET", status, time.perf_counter() - began)
    return answer


def _asked(gateway: Gateway, headers: Headers) -> dict[bytes, bytes] | None:
    """The headers by name, unless one of them asks for care or stands there twice."""
    if gateway.settings.otlp_url is not None or len(headers) > _MOST_HEADERS:
        return None
    asked = dict(headers)
    if len(asked) != len(headers) or b"host" not in asked or not _CARE.isdisjoint(asked):
        return None
    return asked if sum(map(len, asked.values())) <= _MOST_BYTES else None


def _answer(kept: Kept, held: bytes | None, own: Headers) -> tuple[int, bytes]:
    digits = new_request_id()
    parts: list[bytes] = []
    for name, value in own:
        parts += (name, b": ", value, b"\r\n")
    named = (
        f"age: {int(time.monotonic() - kept.stored_at)}\r\nx-request-id: {hyphened(digits)}\r\n"
        f"traceparent: 00-{digits}-{new_span_id()}-01\r\n\r\n"
    )
    parts.append(named.encode())
    if held is not None and kept.etag and is_held(held, kept.etag):
        return 304, b"".join((b"HTTP/1.1 304 Not Modified\r\n", kept.unchanged_text, *parts))
    return 200, b"".join((b"HTTP/1.1 200 OK\r\n", kept.text, *parts, kept.body))
