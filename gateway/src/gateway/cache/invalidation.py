"""Events that end kept answers: a change in the catalogue, of a region, of a signing key."""

import asyncio
import time
from contextlib import suppress
from functools import partial

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError

from gateway.cache.middleware import Cache
from gateway.round_trip import round_trip

SUBJECTS = {
    "onenet.catalog.>": ("catalog",),
    "onenet.identity.region.>": ("identity", "catalog"),
    "onenet.identity.department.>": ("identity", "catalog"),
    "onenet.*.signing_key.>": ("identity",),
}
# Items show names of regions and departments, and identity serves other services' keys. Whoever
# copies them receives the change when we do, so for a while we ask again each second.
UNSETTLED_SECONDS = 30.0
LOOK_SECONDS = 0.2
ANSWER_SECONDS = 2


async def invalidate_by_events(cache: Cache, bus: Client) -> None:
    """Listen until cancelled; while the bus is away entries live a second at most."""
    for subject, services in SUBJECTS.items():
        await bus.subscribe(subject, cb=partial(on_change, cache, services))
    reconnects, asked_again = -1, 0.0
    while True:
        if not bus.is_connected:
            cache.listening = False
        elif not cache.listening or reconnects != bus.stats["reconnects"]:
            # What changed while nobody listened is unknown, so nothing kept may be given.
            reconnects, cache.listening = bus.stats["reconnects"], False
            with suppress(NatsError, OSError, TimeoutError):
                await round_trip(bus, ANSWER_SECONDS)  # by now the server has our subscriptions
                cache.listening = True
            invalidate(cache)
        moment = time.monotonic()
        if moment < cache.unsettled_until and moment - asked_again >= 1:
            asked_again = moment
            invalidate(cache)
        await asyncio.sleep(LOOK_SECONDS)


def invalidate(cache: Cache, services: tuple[str, ...] = ("catalog", "identity")) -> None:
    for service in services:
        cache.store.invalidate(service)


async def on_change(cache: Cache, services: tuple[str, ...], _: Msg) -> None:
    invalidate(cache, services)
    if "identity" in services:
        cache.unsettled_until = time.monotonic() + UNSETTLED_SECONDS
