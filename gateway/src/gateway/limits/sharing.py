"""One share for a client, whichever pod it asks: pods tell each other what they gave.

No request waits for this. Each pod decides by its own count and twice a second subtracts what the
others gave; what was given too much in between is owed. While the bus is away each pod limits
alone. A message lives in memory only: it names accounts and addresses, and nothing keeps it.
"""

import asyncio
import heapq
import json
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError

from chassis import clock
from gateway.limits.buckets import Buckets, Key, Policy

SUBJECT = "onenet-gateway.taken"
SHARE_SECONDS = 0.5
# Those who took most; a message stays far below what the bus carries at once.
MOST_TOLD = 4000


async def share(buckets: Buckets, policies: Mapping[str, Policy], nc: Client) -> None:
    """Tell and hear until cancelled; the client makes its subscription anew when it reconnects."""
    pod, listens = str(clock.new_id()), False
    while True:
        await asyncio.sleep(SHARE_SECONDS)
        taken, buckets.taken = buckets.taken, {}
        if not nc.is_connected:
            continue
        with suppress(NatsError, OSError):
            if not listens:
                await nc.subscribe(SUBJECT, cb=_hearing(pod, buckets, policies))
                listens = True
            if taken:
                await nc.publish(SUBJECT, _told(pod, taken))


def _told(pod: str, taken: Mapping[Key, int]) -> bytes:
    most = heapq.nlargest(MOST_TOLD, taken.items(), key=lambda one: one[1])
    return json.dumps({"pod": pod, "taken": [[*key, count] for key, count in most]}).encode()


def _hearing(
    pod: str, buckets: Buckets, policies: Mapping[str, Policy]
) -> Callable[[Msg], Awaitable[None]]:
    async def hear(message: Msg) -> None:
        try:
            told = json.loads(message.data)
            if told["pod"] == pod:
                return
            moment = time.monotonic()
            for name, client, count in told["taken"]:
                policy = policies.get(name)
                if policy is not None and policy.rate and count > 0:
                    buckets.note(policy, client, count, moment)
        except (ValueError, TypeError, KeyError):
            return  # from a pod of another version; each limits alone

    return hear
