"""Counts each request against its client and tells the client where it stands."""

import time

from prometheus_client import Counter
from starlette.types import ASGIApp, Receive, Scope, Send

from chassis.errors import TooMany
from gateway.context import context_of
from gateway.limits.buckets import Buckets, Policy
from gateway.limits.clients import bucket_key
from gateway.proxy.routing import limit_class
from gateway.settings import GatewaySettings

REFUSED = Counter("onenet_gateway_limited", "Requests refused with 429", ["policy"])
# A probe that is refused would take the gateway out of service.
UNLIMITED = frozenset({"/livez", "/readyz", "/metrics"})


def policies(settings: GatewaySettings) -> dict[str, Policy]:
    return {
        "read": Policy("read", settings.read_rate, settings.read_burst),
        "write": Policy("write", settings.write_rate, settings.write_burst),
        "entry": Policy("entry", settings.entry_rate, settings.entry_burst),
        "progress": Policy("progress", settings.progress_rate, settings.progress_burst),
    }


class RateLimits:
    """Middleware: a share per client. It comes before every refusal, so that refusals count."""

    def __init__(self, app: ASGIApp, buckets: Buckets, policies: dict[str, Policy]) -> None:
        self.app = app
        self.buckets = buckets
        self.policies = policies

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            context = context_of(scope)
            context.client = (
                context.claims["sub"] if context.claims else bucket_key(context.address)
            )
            policy = self.policies[limit_class(context.method, context.path)]
            if policy.rate and context.path not in UNLIMITED:
                verdict = self.buckets.take(policy, context.client, time.monotonic())
                context.added += policy.headers(verdict)
                if verdict.wait:
                    REFUSED.labels(policy.name).inc()
                    raise TooMany(retry_after=verdict.wait)
        await self.app(scope, receive, send)
