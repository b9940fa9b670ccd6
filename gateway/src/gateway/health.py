"""Probes and figures for operators; readiness is asked in the background, so no probe waits."""

import asyncio
import json
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from typing import Any

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from chassis.auth import TokenKeys
from chassis.errors import NotFound
from gateway.context import context_of
from gateway.proxy.upstreams import UpstreamError, Upstreams

POLL_SECONDS = 1.0
IMPATIENT_SECONDS = 0.3
ANSWER_SECONDS = 2
_OK = 200


@dataclass
class Health:
    """`metrics_from` names the networks that may read the metrics."""

    upstreams: Upstreams
    keys: TokenKeys
    metrics_from: str
    parts: dict[str, dict[str, Any]] = field(default_factory=dict)
    stopping: bool = False

    @property
    def is_ready(self) -> bool:
        complete = bool(self.parts) and all(part["ready"] for part in self.parts.values())
        return complete and not self.stopping

    async def watch(self) -> None:
        """Ask every part until cancelled; more often while something is missing."""
        while True:
            names = list(self.upstreams.services)
            answers = await asyncio.gather(*(self._ask(name) for name in names))
            parts = dict(zip(names, answers, strict=True))
            ready = bool(self.keys.keys)
            parts["keys"] = {"ready": ready, "detail": None if ready else "no token keys yet"}
            self.parts = parts
            await asyncio.sleep(POLL_SECONDS if self.is_ready else IMPATIENT_SECONDS)

    async def _ask(self, name: str) -> dict[str, Any]:
        try:
            answer = await self.upstreams.probe(name, "/readyz", ANSWER_SECONDS)
            parts = json.loads(answer.body or b"").get("parts", {})
            missing = {part: state["detail"] for part, state in parts.items() if not state["ready"]}
        except (UpstreamError, TimeoutError) as error:
            return {"ready": False, "detail": f"does not answer: {type(error).__name__}"}
        except (ValueError, AttributeError, KeyError, TypeError):
            return {"ready": False, "detail": "answers something else"}
        return {"ready": answer.status == _OK, "detail": missing or None}

    async def live(self, _: Request) -> Response:
        return JSONResponse({"status": "alive"})

    async def ready(self, _: Request) -> Response:
        if self.is_ready:
            return JSONResponse({"status": "ready", "parts": self.parts})
        content = {"status": "not ready", "parts": self.parts}
        return JSONResponse(content, 503, headers={"Retry-After": "2"})

    async def metrics(self, request: Request) -> Response:
        """For the operator's network only: others learn nothing, not even that it exists."""
        try:
            address = ip_address(context_of(request.scope).address)
        except ValueError:
            raise NotFound from None
        networks = filter(None, (word.strip() for word in self.metrics_from.split(",")))
        if not any(address in ip_network(network) for network in networks):
            raise NotFound
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)
