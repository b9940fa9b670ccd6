"""Readiness of the whole network, asked in the background so that a probe never waits."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from chassis.auth import TokenKeys
from gateway.call import Call
from gateway.proxy.forwarding import Upstreams

POLL_SECONDS = 2


@dataclass
class Health:
    parts: dict[str, dict[str, Any]] = field(default_factory=dict)


async def watch(health: Health, upstreams: Upstreams, keys: TokenKeys) -> None:
    """Ask every part until cancelled; faster while something is missing."""
    while True:
        names = list(upstreams.settings.upstreams())
        found = await asyncio.gather(*(_ask(upstreams, name) for name in names))
        health.parts = dict(zip(names, found, strict=True))
        known = bool(keys.keys)
        health.parts["keys"] = {"ready": known, "detail": None if known else "no token keys yet"}
        ready = all(part["ready"] for part in health.parts.values())
        await asyncio.sleep(POLL_SECONDS if ready else 0.3)


async def _ask(upstreams: Upstreams, name: str) -> dict[str, Any]:
    url = upstreams.url(name, "/readyz")
    try:
        async with upstreams.session.get(url, timeout=aiohttp.ClientTimeout(2)) as answer:
            content = await answer.json()
    except (aiohttp.ClientError, TimeoutError, ValueError) as error:
        return {"ready": False, "detail": f"does not answer: {type(error).__name__}"}
    missing = {k: v["detail"] for k, v in content.get("parts", {}).items() if not v["ready"]}
    return {"ready": answer.status == 200, "detail": missing or None}  # noqa: PLR2004 - OK


async def serve(call: Call, health: Health) -> None:
    ready = bool(health.parts) and all(part["ready"] for part in health.parts.values())
    content = {"status": "ready" if ready else "not ready", "parts": health.parts}
    await call.json(200 if ready else 503, content, [] if ready else [(b"retry-after", b"2")])
