"""Whether every event has had its effect: nothing unpublished, nothing undelivered."""

import asyncio
from collections.abc import Mapping

import asyncpg
import nats

from onenet.databases import Database

QUIET_TURNS = 2
PAUSE_SECONDS = 0.2


async def wait_until_quiescent(
    databases: Mapping[str, Database], nats_url: str, *, seconds: float
) -> bool:
    """Returns when all is quiet, or False after `seconds`."""
    connection = await nats.connect(nats_url, connect_timeout=5)
    stream = connection.jetstream()
    pools = [await asyncpg.connect(one.app_url) for one in databases.values()]
    deadline = asyncio.get_running_loop().time() + seconds
    quiet = 0
    try:
        while asyncio.get_running_loop().time() < deadline:
            waiting = await _unpublished(pools) + await _undelivered(stream)
            quiet = quiet + 1 if waiting == 0 else 0
            if quiet >= QUIET_TURNS:
                return True
            await asyncio.sleep(PAUSE_SECONDS)
        return False
    finally:
        for one in pools:
            await one.close()
        await connection.close()


async def _unpublished(pools: "list[asyncpg.Connection]") -> int:
    count = 0
    for one in pools:
        count += await one.fetchval(
            "SELECT count(*) FROM outbox_event WHERE published_at IS NULL AND parked_reason IS NULL"
        )
    return count


async def _undelivered(stream: "nats.js.JetStreamContext") -> int:
    count = 0
    for one in await stream.streams_info():
        for consumer in await stream.consumers_info(str(one.config.name)):
            count += (consumer.num_pending or 0) + (consumer.num_ack_pending or 0)
    return count
