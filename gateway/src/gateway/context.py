"""What the gateway knows of one request; the outermost middleware makes it."""

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

from starlette.types import Scope

from chassis import clock
from chassis.errors import ServiceError
from chassis.problems import language_of

Headers = list[tuple[bytes, bytes]]
# A body up to here is read whole before a service is asked; beyond, it streams.
SMALL_BODY_BYTES = 64 * 1024
_TRACEPARENT = re.compile(
    r"(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}"
)
_OF_THE_BODY = frozenset({b"content-length", b"content-type", b"transfer-encoding", b"expect"})
_KEY = "gateway.request"
_language_of = lru_cache(maxsize=1024)(language_of)


class ClientGone(Exception):
    """The client has closed its connection: nobody is left to answer."""


@dataclass(slots=True)
class RequestContext:
    """`headers` are those that came, `fields` the same by name.

    `client` is whose request it is: the token's account, else the address. `refusal` is why the
    token is not accepted; it is raised once the request has been counted. `added` are headers that
    every answer gets, `status` is that of the answer that has begun.
    """

    method: str
    path: str
    raw_path: bytes
    query: bytes
    headers: Headers
    fields: Mapping[bytes, bytes]
    address: str
    request_id: str
    traceparent: str
    client: str = ""
    claims: Mapping[str, Any] | None = None
    refusal: ServiceError | None = None
    added: Headers = field(default_factory=list)
    route: str = ""
    status: int = 0
    body_read: bool = False

    @property
    def language(self) -> str:
        return _language_of(self.fields.get(b"accept-language", b"").decode("latin-1"))

    @property
    def body_bytes(self) -> int | None:
        """The announced length of the body; None when it comes in chunks without one."""
        if b"transfer-encoding" in self.fields:
            return None
        return int(self.fields.get(b"content-length", b"0"))

    def derive_get(
        self, path: str, query: bytes = b"", *without: bytes, raw_path: bytes | None = None
    ) -> "RequestContext":
        """A GET of another path for the same client, lacking the headers `without`."""
        dropped = _OF_THE_BODY.union(without)
        headers = [header for header in self.headers if header[0] not in dropped]
        return replace(
            self,
            method="GET",
            path=path,
            raw_path=raw_path or path.encode(),
            query=query,
            headers=headers,
            fields=dict(headers),
        )


def context_of(scope: Scope) -> RequestContext:
    context: RequestContext = scope[_KEY]
    return context


def attach(scope: Scope, address: str) -> RequestContext:
    """Make the context of a request that came from `address`."""
    # A copy: trailers that come later are appended to the server's list, past all checks.
    headers = list(scope["headers"])
    fields = dict(headers)
    request_id = str(clock.new_id())
    traceparent = fields.get(b"traceparent", b"").decode("latin-1")
    if not _TRACEPARENT.fullmatch(traceparent):
        # The request id is a good trace id: unique, and random where tracing wants it to be.
        traceparent = f"00-{request_id.replace('-', '')}-{secrets.token_hex(8)}-01"
    context = scope[_KEY] = RequestContext(
        method=scope["method"],
        path=scope["path"],
        raw_path=scope["raw_path"],
        query=scope["query_string"],
        headers=headers,
        fields=fields,
        address=address,
        request_id=request_id,
        traceparent=traceparent,
    )
    return context
