"""Which policy a request falls under, and the headers that tell the client where it stands."""

import time

from chassis.errors import TooMany
from gateway.call import Call
from gateway.limits.buckets import Buckets, Policy
from gateway.settings import GatewaySettings

_ENTRIES = ("/oauth2/login", "/oauth2/token", "/api/v1/identity/registrations", "/api/v1/progress")


def policies(settings: GatewaySettings) -> dict[str, Policy]:
    return {
        "read": Policy("read", settings.read_rate, settings.read_burst),
        "write": Policy("write", settings.write_rate, settings.write_burst),
        "entry": Policy("entry", settings.entry_rate, settings.entry_burst),
    }


def check_limit(call: Call, buckets: Buckets, known: dict[str, Policy]) -> None:
    """Count the request against its client; raises TooMany with Retry-After."""
    policy = known[_class_of(call)]
    client = str(call.claims["sub"]) if call.claims else call.address
    verdict = buckets.take(policy, client, time.monotonic())
    window = max(1, round(policy.burst / policy.rate))
    call.extra += [
        (b"ratelimit-policy", f'"{policy.name}";q={policy.burst};w={window}'.encode()),
        (
            b"ratelimit",
            f'"{policy.name}";r={verdict.remaining};t={verdict.wait or window}'.encode(),
        ),
    ]
    if verdict.wait:
        raise TooMany(retry_after=verdict.wait)


def _class_of(call: Call) -> str:
    if call.path.startswith(_ENTRIES) and call.claims is None:
        return "entry"
    return "read" if call.method in {"GET", "HEAD"} else "write"
