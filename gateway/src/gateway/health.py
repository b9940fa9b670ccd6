"""Readiness of the whole network, asked in the background so that a probe never waits."""

import asyncio
import json
from dataclasses import dataclass, field
from typing import Any

from chassis.auth import TokenKeys
from gateway.call import Call
from gateway.proxy.forwarding import Upstreams, fetch_plainly
from gateway.proxy.wire import Broken, NeverSent

POLL_SECONDS = 1.0
IMPATIENT_SECONDS = 0.3
ANSWER_SECONDS = 2


@dataclass
class Health:
    parts: dict[str, dict[str, Any]] = field(default_factory=dict)
    stopping: bool = False

    @property
    def is_ready(self) -> bool:
        known = bool(self.parts) and all(part["ready"] for part in self.parts.values())
        return known and not self.stopping


async def watch(health: Health, upstreams: Upstreams, keys: TokenKeys) -> None:
    """Ask every part until cancelled; faster while something is missing."""
    while True:
        names = list(upstreams.addresses)
        found = await asyncio.gather(*(_ask(upstreams, name) for name in names))
        parts = dict(zip(names, found, strict=True))
        known = bool(keys.keys)
        parts["keys"] = {"ready": known, "detail": None if known else "no token keys yet"}
        health.parts = parts
        await asyncio.sleep(POLL_SECONDS if health.is_ready else IMPATIENT_SECONDS)


async def _ask(upstreams: Upstreams, name: str) -> dict[str, Any]:
    try:
        answer = await fetch_plainly(upstreams, name, "/readyz", ANSWER_SECONDS)
        parts = json.loads(answer.body or b"").get("parts", {})
        missing = {part: one["detail"] for part, one in parts.items() if not one["ready"]}
    except (Broken, NeverSent, TimeoutError) as error:
        return {"ready": False, "detail": f"does not answer: {type(error).__name__}"}
    except (ValueError, AttributeError, KeyError, TypeError):
        return {"ready": False, "detail": "answers something else"}
    return {"ready": answer.status == 200, "detail": missing or None}  # noqa: PLR2004 - OK


async def serve(call: Call, health: Health) -> None:
    ready = health.is_ready
    content = {"status": "ready" if ready else "not ready", "parts": health.parts}
    await call.json(200 if ready else 503, content, [] if ready else [(b"retry-after", b"2")])
