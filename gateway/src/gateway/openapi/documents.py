"""The services' documents, fetched in the background and kept."""

import asyncio
import json
from dataclasses import dataclass, field
from typing import Any

from chassis.errors import NotFound
from gateway.call import Call
from gateway.errors import MethodNotAllowed, NotYet
from gateway.openapi.merging import merged_asyncapi, merged_openapi
from gateway.openapi.own import OWN
from gateway.proxy.forwarding import Upstreams, fetch_plainly
from gateway.proxy.wire import Broken, NeverSent

REFRESH_SECONDS = 60
RETRY_SECONDS = 1
ANSWER_SECONDS = 10
MEDIA_TYPE = "application/json"
KINDS = ("openapi", "asyncapi")


@dataclass
class Documents:
    """`parsed` by kind and service; `merged` by kind, once every service has given its own."""

    names: tuple[str, ...]
    parsed: dict[str, dict[str, dict[str, Any]]] = field(
        default_factory=lambda: {kind: {} for kind in KINDS}
    )
    merged: dict[str, bytes] = field(default_factory=dict)
    openapi: dict[str, Any] | None = None

    def missing(self, kind: str) -> list[str]:
        return [name for name in self.names if name not in self.parsed[kind]]


async def refresh(documents: Documents, upstreams: Upstreams) -> None:
    """Fetch until every document is there, then once a minute; what is there stays."""
    while True:
        wanted = [(kind, name) for kind in KINDS for name in documents.names]
        await asyncio.gather(*(_fetch(documents, upstreams, *one) for one in wanted))
        merge(documents, upstreams.settings.issuer)
        complete = not any(documents.missing(kind) for kind in KINDS)
        await asyncio.sleep(REFRESH_SECONDS if complete else RETRY_SECONDS)


def merge(documents: Documents, issuer: str) -> None:
    if not documents.missing("openapi"):
        documents.openapi = merged_openapi(documents.parsed["openapi"] | {"gateway": OWN}, issuer)
        documents.merged["openapi"] = _encoded(documents.openapi)
    if not documents.missing("asyncapi"):
        documents.merged["asyncapi"] = _encoded(merged_asyncapi(documents.parsed["asyncapi"]))


async def serve(call: Call, documents: Documents) -> None:
    """`/openapi.json`, `/openapi/{service}.json` or `/asyncapi.json`."""
    if call.method not in {"GET", "HEAD"}:
        raise MethodNotAllowed(allowed="GET, HEAD")
    headers = [(b"cache-control", b"public, max-age=60")]
    if not call.path.startswith("/openapi/"):
        kind = call.path.strip("/").removesuffix(".json")
        if kind not in documents.merged:
            raise NotYet(missing=", ".join(documents.missing(kind)), retry_after=2)
        await call.answer(200, documents.merged[kind], MEDIA_TYPE, headers)
        return
    name = call.path.removeprefix("/openapi/").removesuffix(".json")
    if name not in documents.names or not call.path.endswith(".json"):
        raise NotFound
    if name not in documents.parsed["openapi"]:
        raise NotYet(missing=name, retry_after=2)
    await call.answer(200, _encoded(documents.parsed["openapi"][name]), MEDIA_TYPE, headers)


async def _fetch(documents: Documents, upstreams: Upstreams, kind: str, name: str) -> None:
    try:
        answer = await fetch_plainly(upstreams, name, f"/{kind}.json", ANSWER_SECONDS)
        found = json.loads(answer.body or b"")
    except (Broken, NeverSent, TimeoutError, ValueError):
        return
    if answer.status == 200 and isinstance(found, dict):  # noqa: PLR2004 - OK
        documents.parsed[kind][name] = found


def _encoded(document: dict[str, Any]) -> bytes:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
