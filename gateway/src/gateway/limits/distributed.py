"""One share for a client, whichever pod it asks: pods tell each other what they gave.

No request waits for this. Each pod decides by its own count and twice a second subtracts what the
others gave; what was given too much in between is owed. While the bus is away each pod limits
alone. A message lives in memory only: it names accounts and addresses, and nothing keeps it.
"""

import asyncio
import heapq
import json
import time
from collections.abc import Mapping
from contextlib import suppress
from functools import partial

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError

from chassis import clock
from gateway.limits.buckets import Buckets, Policy

SUBJECT = "onenet-gateway.taken"
SHARE_SECONDS = 0.5
# Only those who took most are named; a message stays far below what the bus carries at once.
MOST_CLIENTS = 4000


async def share(buckets: Buckets, policies: Mapping[str, Policy], bus: Client) -> None:
    """Publish and receive until cancelled; the client subscribes anew when it reconnects."""
    pod, subscribed = str(clock.new_id()), False
    while True:
        await asyncio.sleep(SHARE_SECONDS)
        taken, buckets.taken = buckets.taken, {}
        if not bus.is_connected:
            continue
        with suppress(NatsError, OSError):
            if not subscribed:
                await bus.subscribe(SUBJECT, cb=partial(note, pod, buckets, policies))
                subscribed = True
            if taken:
                most = heapq.nlargest(MOST_CLIENTS, taken.items(), key=lambda item: item[1])
                message = {"pod": pod, "taken": [[*key, count] for key, count in most]}
                await bus.publish(SUBJECT, json.dumps(message).encode())


async def note(pod: str, buckets: Buckets, policies: Mapping[str, Policy], message: Msg) -> None:
    """What another pod gave counts here too."""
    try:
        content = json.loads(message.data)
        if content["pod"] == pod:
            return
        moment = time.monotonic()
        for name, client, count in content["taken"]:
            policy = policies.get(name)
            if policy is not None and policy.rate and count > 0:
                buckets.note(policy, client, count, moment)
    except (ValueError, TypeError, KeyError):
        return  # from a pod of another version; each limits alone
