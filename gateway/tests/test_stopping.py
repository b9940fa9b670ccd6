"""The gateway stops promptly whatever its bus does."""

import asyncio
import random

import pytest

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


@pytest.mark.parametrize("seed", [1])
async def test_it_stops_while_the_bus_is_away(seed):
    """A connection that is refused in the very moment of a cancellation can swallow it."""
    moments = random.Random(seed)
    for _ in range(200):
        app = create_app(SETTINGS)
        async with asyncio.timeout(10):
            async with app.router.lifespan_context(app):
                await asyncio.sleep(moments.uniform(0.002, 0.005))
    left = asyncio.all_tasks() - {asyncio.current_task()}
    assert left == set()
