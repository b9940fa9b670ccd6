"""Operators' lists over all services: asked side by side with the caller's token, joined."""

import asyncio
import json
from dataclasses import replace
from typing import Any

from gateway.call import Call
from gateway.errors import UpstreamAway, UpstreamLate
from gateway.proxy.forwarding import Upstreams, opened
from gateway.proxy.hygiene import response_headers

LISTS = ("/api/v1/operations/dead-letters", "/api/v1/operations/outbox")


async def serve(call: Call, upstreams: Upstreams) -> None:
    """The lists of all services in one; a service that is away is named, not left out silently."""
    names = list(upstreams.settings.upstreams())
    answers = await asyncio.gather(*(_ask(call, upstreams, name) for name in names))
    refused = next((one for one in answers if one[0] in {401, 403}), None)
    if refused is not None:
        await call.start(refused[0], response_headers(refused[2]))
        await call.send({"type": "http.response.body", "body": refused[1]})
        return
    rows: list[Any] = []
    away = []
    for name, (status, body, _) in zip(names, answers, strict=True):
        if status != 200:  # noqa: PLR2004 - OK
            away.append(name)
            continue
        content = json.loads(body)
        rows += content.get("data", [content])
    await call.json(200, {"data": rows, "next": None, "away": away})


async def _ask(
    call: Call, upstreams: Upstreams, name: str
) -> tuple[int, bytes, list[tuple[bytes, bytes]]]:
    path = call.path.replace("/operations/", f"/operations/{name}/")
    asked = replace(call, path=path, raw_path=path.encode(), method="GET")
    try:
        async with upstreams.place(name), opened(asked, upstreams, name) as response:
            return response.status, await response.content.read(), list(response.raw_headers)
    except (UpstreamAway, UpstreamLate):
        return 503, b"", []
