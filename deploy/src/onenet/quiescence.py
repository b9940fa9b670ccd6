"""Wait until every event has had its effect: none is unpublished or undelivered."""

import asyncio
from collections.abc import Iterable

import asyncpg
import nats

from onenet.failures import Unexpected

QUIET_TURNS = 2
PAUSE_SECONDS = 0.2


async def ensure_quiescent(urls: Iterable[str], nats_url: str, *, seconds: float) -> None:
    """Raises Unexpected when events still wait after `seconds`."""
    if not await wait_until_quiescent(urls, nats_url, seconds=seconds):
        raise Unexpected(f"After {seconds} seconds events still wait for their effect.")


async def wait_until_quiescent(urls: Iterable[str], nats_url: str, *, seconds: float) -> bool:
    """True once nothing waits any more, False after `seconds`; `urls` are those of databases."""
    bus = await nats.connect(nats_url, connect_timeout=5)
    js = bus.jetstream()
    connections = [await asyncpg.connect(url) for url in urls]
    deadline = asyncio.get_running_loop().time() + seconds
    quiet = 0
    try:
        while asyncio.get_running_loop().time() < deadline:
            waiting = await _unpublished(connections) + await _undelivered(js)
            quiet = quiet + 1 if waiting == 0 else 0
            if quiet >= QUIET_TURNS:
                return True
            await asyncio.sleep(PAUSE_SECONDS)
        return False
    finally:
        for connection in connections:
            await connection.close()
        await bus.close()


async def _unpublished(connections: "list[asyncpg.Connection]") -> int:
    count = 0
    for connection in connections:
        count += await connection.fetchval(
            "SELECT count(*) FROM outbox_event WHERE published_at IS NULL AND parked_reason IS NULL"
        )
    return count


async def _undelivered(js: "nats.js.JetStreamContext") -> int:
    count = 0
    for stream in await js.streams_info():
        for consumer in await js.consumers_info(str(stream.config.name)):
            count += (consumer.num_pending or 0) + (consumer.num_ack_pending or 0)
    return count
