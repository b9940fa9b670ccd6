"""The services' documents, fetched in the background and kept."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from chassis.errors import NotFound
from gateway.call import Call
from gateway.errors import UpstreamAway
from gateway.openapi.merging import merged_asyncapi, merged_openapi
from gateway.proxy.forwarding import Upstreams

REFRESH_SECONDS = 60


@dataclass
class Documents:
    openapi: dict[str, dict[str, Any]] = field(default_factory=dict)
    asyncapi: dict[str, dict[str, Any]] = field(default_factory=dict)


async def refresh(documents: Documents, upstreams: Upstreams) -> None:
    """Fetch until every document is there, then once a minute."""
    names = list(upstreams.settings.upstreams())
    while True:
        for name in names:
            for kind, kept in (("openapi", documents.openapi), ("asyncapi", documents.asyncapi)):
                try:
                    url = upstreams.url(name, f"/{kind}.json")
                    async with upstreams.session.get(
                        url, timeout=aiohttp.ClientTimeout(10)
                    ) as answer:
                        answer.raise_for_status()
                        kept[name] = await answer.json()
                except (aiohttp.ClientError, TimeoutError, ValueError):
                    continue
        complete = len(documents.openapi) == len(documents.asyncapi) == len(names)
        await asyncio.sleep(REFRESH_SECONDS if complete else 1)


async def serve(call: Call, documents: Documents, upstreams: Upstreams) -> None:
    """`/openapi.json`, `/openapi/{service}.json` or `/asyncapi.json`."""
    names = upstreams.settings.upstreams()
    kept = documents.asyncapi if call.path == "/asyncapi.json" else documents.openapi
    name = call.path.removeprefix("/openapi/").removesuffix(".json")
    if call.path.startswith("/openapi/"):
        if name not in names:
            raise NotFound
        if name not in kept:
            raise UpstreamAway(retry_after=2)
        await call.json(200, kept[name])
        return
    if len(kept) < len(names):
        raise UpstreamAway(retry_after=2)
    if call.path == "/asyncapi.json":
        await call.json(200, merged_asyncapi(kept))
    else:
        await call.json(200, merged_openapi(kept, upstreams.settings.issuer))
