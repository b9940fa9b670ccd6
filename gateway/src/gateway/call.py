"""One request and its answer, as the rooms of the gateway hand it on."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qs

from starlette.types import Receive, Scope, Send

from chassis.errors import ServiceError
from chassis.problems import MEDIA_TYPE, document
from chassis.problems import language_of as _language_of

Headers = list[tuple[bytes, bytes]]
# A body up to here is read whole, or swallowed when it is refused; beyond, it streams.
SMALL_BODY_BYTES = 64 * 1024


class ClientGone(Exception):
    """Not a failure of ours: nobody is left to answer."""


@dataclass(slots=True)
class Call:
    """The request's parts are read once; `extra` are headers every answer gets.

    `headers` is for looking things up; `scope["headers"]` is what is passed on. `client` is whose
    request it is: the token's account, else the address.
    """

    scope: Scope
    receive: Receive
    send: Send
    method: str
    path: str
    raw_path: bytes
    query: bytes
    headers: Mapping[bytes, bytes]
    request_id: str
    traceparent: str
    address: str
    client: str = ""
    claims: Mapping[str, Any] | None = None
    extra: Headers = field(default_factory=list)
    status: int = 0
    route: str = "unmatched"
    is_read: bool = False

    def asking(self, path: str, query: bytes = b"", *without: bytes) -> "Call":
        """A GET of another path for the same client, lacking the headers `without`."""
        kept = [(name, value) for name, value in self.scope["headers"] if name not in without]
        left = {name: value for name, value in kept if name not in _BODY_HEADERS}
        return replace(
            self,
            method="GET",
            path=path,
            raw_path=path.encode(),
            query=query,
            scope={**self.scope, "headers": list(left.items())},
            headers=left,
        )

    def header(self, name: bytes) -> str:
        return self.headers.get(name, b"").decode("latin-1")

    @property
    def language(self) -> str:
        return language_of_header(self.headers.get(b"accept-language", b""))

    def parameter(self, name: str) -> str:
        return parse_qs(self.query.decode("latin-1")).get(name, [""])[0]

    async def start(self, status: int, headers: Sequence[tuple[bytes, bytes]]) -> None:
        self.status = status
        told = [*headers, *self.extra]
        if not self.is_read and self._brings_much() and (b"connection", b"close") not in told:
            told.append((b"connection", b"close"))
        await self.send({"type": "http.response.start", "status": status, "headers": told})

    def _brings_much(self) -> bool:
        """Whether the body that nobody reads is too long to be swallowed for the next request."""
        length = self.headers.get(b"content-length", b"0")
        return b"transfer-encoding" in self.headers or int(length) > SMALL_BODY_BYTES

    async def write(self, chunk: bytes, *, more: bool) -> None:
        await self.send({"type": "http.response.body", "body": chunk, "more_body": more})

    async def answer(
        self, status: int, body: bytes, media_type: str, headers: Sequence[tuple[bytes, bytes]] = ()
    ) -> None:
        """A whole answer; HEAD gets its headers only."""
        framing = [
            (b"content-type", media_type.encode()),
            (b"content-length", str(len(body)).encode()),
        ]
        await self.start(status, [*framing, *headers])
        await self.write(b"" if self.method == "HEAD" else body, more=False)

    async def json(
        self, status: int, content: object, headers: Sequence[tuple[bytes, bytes]] = ()
    ) -> None:
        body = json.dumps(content, ensure_ascii=False).encode()
        await self.answer(status, body, "application/json", headers)

    async def problem(self, error: ServiceError) -> None:
        content = document(error, language=self.language, instance=self.path)
        headers = [(k.lower().encode(), v.encode()) for k, v in error.headers().items()]
        headers.append((b"content-language", b"zh-CN" if self.language == "zh" else b"en"))
        body = json.dumps(content, ensure_ascii=False).encode()
        await self.answer(error.status, body, MEDIA_TYPE, headers)


@lru_cache(maxsize=1024)
def language_of_header(header: bytes) -> str:
    return _language_of(header.decode("latin-1"))


_BODY_HEADERS = frozenset({b"content-length", b"content-type", b"transfer-encoding", b"expect"})
