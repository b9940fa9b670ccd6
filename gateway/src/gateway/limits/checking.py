"""Which policy a request falls under, and the headers that tell the client where it stands."""

import time

from prometheus_client import Counter

from chassis.errors import TooMany
from gateway.call import Call, Headers
from gateway.limits.buckets import Buckets, Policy, Verdict
from gateway.limits.clients import bucket_key
from gateway.settings import GatewaySettings

# What a thief or a guesser would repeat has limits of its own, whoever asks.
_ENTRY = frozenset({"/oauth2/login", "/oauth2/token", "/api/v1/identity/registrations"})
_PROGRESS = frozenset({"/api/v1/progress", "/progress"})
REFUSED = Counter("onenet_gateway_limited", "Requests refused with 429", ["policy"])


def policies(settings: GatewaySettings) -> dict[str, Policy]:
    return {
        "read": Policy("read", settings.read_rate, settings.read_burst),
        "write": Policy("write", settings.write_rate, settings.write_burst),
        "entry": Policy("entry", settings.entry_rate, settings.entry_burst),
        "progress": Policy("progress", settings.progress_rate, settings.progress_burst),
    }


def check_limit(call: Call, buckets: Buckets, known: dict[str, Policy]) -> None:
    """Count the request against its client; raises TooMany with Retry-After."""
    call.client = call.claims["sub"] if call.claims else bucket_key(call.address)
    policy = known[class_of(call.method, call.path)]
    if not policy.rate:
        return
    verdict = buckets.take(policy, call.client, time.monotonic())
    call.extra += limit_headers(policy, verdict)
    if verdict.wait:
        REFUSED.labels(policy.name).inc()
        raise TooMany(retry_after=verdict.wait)


def limit_headers(policy: Policy, verdict: Verdict) -> Headers:
    """Where the client stands (draft-ietf-httpapi-ratelimit-headers)."""
    name = policy.name.encode()
    return [
        (b"ratelimit-policy", b'"%b";q=%d;w=%d' % (name, policy.burst, policy.window)),
        (b"ratelimit", b'"%b";r=%d;t=%d' % (name, verdict.remaining, verdict.full)),
    ]


def class_of(method: str, path: str) -> str:
    plain = path.rstrip("/")
    if plain in _ENTRY:
        return "entry"
    if plain in _PROGRESS:
        return "progress"
    return "read" if method in {"GET", "HEAD", "OPTIONS"} else "write"
