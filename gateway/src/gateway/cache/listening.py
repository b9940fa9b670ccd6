"""Events that end kept answers: a change in the catalogue or of a region."""

import asyncio

from nats.aio.client import Client
from nats.aio.msg import Msg

from gateway.cache.serving import Cache

SUBJECTS = ("onenet.catalog.>", "onenet.identity.region.>", "onenet.identity.department.>")


async def listen(cache: Cache, nc: Client) -> None:
    """Listen until cancelled; while the bus is away answers live a second at most."""

    async def changed(_: Msg) -> None:
        # Items show names of regions and departments, so identity's changes end both.
        for service in ("catalog", "identity"):
            cache.store.move_on(service)

    for subject in SUBJECTS:
        await nc.subscribe(subject, cb=changed)
    while True:
        if nc.is_connected and not cache.listening:
            # What changed while nobody listened is unknown, so nothing kept may be given.
            await changed(Msg(nc))
        cache.listening = nc.is_connected
        await asyncio.sleep(0.2)
