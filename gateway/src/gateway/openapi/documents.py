"""The services' documents, fetched in the background and kept."""

import asyncio
import json
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from chassis.errors import NotFound
from gateway.errors import DocumentNotReady
from gateway.openapi.merging import merged_asyncapi, merged_openapi
from gateway.proxy.upstreams import UpstreamError, Upstreams

REFRESH_SECONDS = 60
RETRY_SECONDS = 1
ANSWER_SECONDS = 10
KINDS = ("openapi", "asyncapi")
_OK = 200
# What the gateway answers itself.
OWN = json.loads((files("gateway") / "openapi/own.json").read_text("utf-8"))


@dataclass
class Documents:
    """`parsed` by kind and service; `merged` by kind, once every service has given its own."""

    upstreams: Upstreams
    parsed: dict[str, dict[str, dict[str, Any]]] = field(
        default_factory=lambda: {kind: {} for kind in KINDS}
    )
    merged: dict[str, bytes] = field(default_factory=dict)
    openapi: dict[str, Any] | None = None

    def missing(self, kind: str) -> list[str]:
        return [name for name in self.upstreams.services if name not in self.parsed[kind]]

    async def refresh(self) -> None:
        """Fetch until every document is there, then once a minute; what is there stays."""
        while True:
            wanted = [(kind, name) for kind in KINDS for name in self.upstreams.services]
            await asyncio.gather(*(self._fetch(kind, name) for kind, name in wanted))
            self.merge()
            complete = not any(self.missing(kind) for kind in KINDS)
            await asyncio.sleep(REFRESH_SECONDS if complete else RETRY_SECONDS)

    def merge(self) -> None:
        if not self.missing("openapi"):
            issuer = self.upstreams.settings.issuer
            self.openapi = merged_openapi(self.parsed["openapi"] | {"gateway": OWN}, issuer)
            self.merged["openapi"] = _encoded(self.openapi)
        if not self.missing("asyncapi"):
            self.merged["asyncapi"] = _encoded(merged_asyncapi(self.parsed["asyncapi"]))

    async def show_merged(self, request: Request) -> Response:
        """`/openapi.json` and `/asyncapi.json`."""
        kind = request.scope["path"].strip("/").removesuffix(".json")
        if kind not in self.merged:
            raise DocumentNotReady(missing=", ".join(self.missing(kind)), retry_after=2)
        return _document(self.merged[kind])

    async def show_of_service(self, request: Request) -> Response:
        """`/openapi/{service}.json`."""
        name = request.path_params["service"]
        if name not in self.upstreams.services:
            raise NotFound
        if name not in self.parsed["openapi"]:
            raise DocumentNotReady(missing=name, retry_after=2)
        return _document(_encoded(self.parsed["openapi"][name]))

    async def _fetch(self, kind: str, name: str) -> None:
        try:
            answer = await self.upstreams.probe(name, f"/{kind}.json", ANSWER_SECONDS)
            content = json.loads(answer.body or b"")
        except (UpstreamError, TimeoutError, ValueError):
            return
        if answer.status == _OK and isinstance(content, dict):
            self.parsed[kind][name] = content


def _encoded(document: dict[str, Any]) -> bytes:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()


def _document(content: bytes) -> Response:
    headers = {"Cache-Control": "public, max-age=60"}
    return Response(content, media_type="application/json", headers=headers)
