"""The gateway stops promptly whatever its bus does."""

import asyncio
import random

from gateway.main import create_app
from gateway.settings import GatewaySettings

from .factories import ISSUER, NOWHERE

AWAY = "http://127.0.0.1:1"
SETTINGS = GatewaySettings(
    issuer=ISSUER,
    keys_url=f"{AWAY}/keys",
    nats_url=NOWHERE,
    **{f"{name}_url": AWAY for name in ("catalog", "case", "identity", "exchange")},
)


async def test_it_stops_while_the_bus_is_away():
    """A connection that is refused in the very moment of a cancellation can swallow it."""
    moments = random.Random(1)

    async def start_and_stop():
        app = create_app(SETTINGS)
        async with asyncio.timeout(20), app.router.lifespan_context(app):
            await asyncio.sleep(moments.uniform(0.002, 0.005))

    for _ in range(50):
        await asyncio.gather(*(start_and_stop() for _ in range(4)))
    assert asyncio.all_tasks() == {asyncio.current_task()}
