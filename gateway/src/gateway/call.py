"""One request and its answer, as the rooms of the gateway hand it on."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import parse_qs

from starlette.types import Receive, Scope, Send

from chassis.errors import ServiceError
from chassis.problems import MEDIA_TYPE, document, language_of

Headers = list[tuple[bytes, bytes]]


@dataclass
class Call:
    """The request's parts are read once; `extra` are headers every answer gets."""

    scope: Scope
    receive: Receive
    send: Send
    method: str
    path: str
    raw_path: bytes
    query: bytes
    headers: Mapping[str, str]
    request_id: str
    address: str
    claims: Mapping[str, Any] | None = None
    extra: Headers = field(default_factory=list)
    status: int = 0
    route: str = "unmatched"

    def without(self, *names: str) -> "Call":
        """The same request lacking these headers."""
        left_out = {name.encode() for name in names}
        kept = [(name, value) for name, value in self.scope["headers"] if name not in left_out]
        return replace(self, scope={**self.scope, "headers": kept})

    @property
    def language(self) -> str:
        return language_of(self.headers.get("accept-language"))

    def parameter(self, name: str) -> str:
        return parse_qs(self.query.decode("latin-1")).get(name, [""])[0]

    async def start(self, status: int, headers: Sequence[tuple[bytes, bytes]]) -> None:
        self.status = status
        own = [*self.extra, (b"x-request-id", self.request_id.encode())]
        taken = {name for name, _ in own}
        kept = [(name, value) for name, value in headers if name.lower() not in taken]
        await self.send({"type": "http.response.start", "status": status, "headers": [*kept, *own]})

    async def answer(
        self, status: int, body: bytes, media_type: str, headers: Sequence[tuple[bytes, bytes]] = ()
    ) -> None:
        """A whole answer; HEAD gets its headers only."""
        framing = [
            (b"content-type", media_type.encode()),
            (b"content-length", str(len(body)).encode()),
        ]
        await self.start(status, [*framing, *headers])
        await self.send(
            {"type": "http.response.body", "body": b"" if self.method == "HEAD" else body}
        )

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
