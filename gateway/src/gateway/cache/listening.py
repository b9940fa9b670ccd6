"""Events that end kept answers: a change in the catalogue, of a region, of a signing key."""

import asyncio
import time
from collections.abc import Awaitable, Callable

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError

from gateway.cache.serving import Cache
from gateway.hearing import heard

SUBJECTS = {
    "onenet.catalog.>": ("catalog",),
    "onenet.identity.region.>": ("identity", "catalog"),
    "onenet.identity.department.>": ("identity", "catalog"),
    "onenet.*.signing_key.>": ("identity",),
}
# Items show names of regions and departments, and identity serves other services' keys: who
# copies hears of the change when we do, so for a while answers are asked for again each second.
UNSETTLED_SECONDS = 30.0
LOOK_SECONDS = 0.2


async def listen(cache: Cache, nc: Client) -> None:
    """Listen until cancelled; while the bus is away answers live a second at most."""
    for subject, services in SUBJECTS.items():
        await nc.subscribe(subject, cb=_changing(cache, services))
    reconnects, asked_again = -1, 0.0
    while True:
        if not nc.is_connected:
            cache.listening = False
        elif not cache.listening or reconnects != nc.stats["reconnects"]:
            # What changed while nobody listened is unknown, so nothing kept may be given.
            reconnects = nc.stats["reconnects"]
            cache.listening = await _is_heard(nc)
            _move_on(cache)
        moment = time.monotonic()
        if moment < cache.unsettled_until and moment - asked_again >= 1:
            asked_again = moment
            _move_on(cache)
        await asyncio.sleep(LOOK_SECONDS)


def _move_on(cache: Cache, services: tuple[str, ...] = ("catalog", "identity")) -> None:
    for service in services:
        cache.store.move_on(service)


def _changing(cache: Cache, services: tuple[str, ...]) -> Callable[[Msg], Awaitable[None]]:
    async def changed(_: Msg) -> None:
        _move_on(cache, services)
        if "identity" in services:
            cache.unsettled_until = time.monotonic() + UNSETTLED_SECONDS

    return changed


async def _is_heard(nc: Client) -> bool:
    """Whether the server knows our subscriptions by now."""
    try:
        await heard(nc)
    except (NatsError, OSError, TimeoutError):
        return False
    return True
