"""Composition root of the gateway."""

import asyncio
import contextlib
import gc
from collections.abc import AsyncIterator

from nats.aio.client import Client
from nats.errors import Error as NatsError
from starlette.types import Receive, Scope, Send

from chassis.auth import TokenKeys
from chassis.events import quiet
from chassis.worker import refresh_keys
from gateway.app import Gateway, respond
from gateway.cache.listening import listen
from gateway.cache.serving import Cache
from gateway.cache.store import Store
from gateway.health import Health, watch
from gateway.limits.buckets import Buckets
from gateway.limits.checking import policies
from gateway.limits.clients import Addresses
from gateway.limits.connections import Connections
from gateway.limits.sharing import share
from gateway.openapi.documents import Documents, refresh
from gateway.proxy.forwarding import open_upstreams
from gateway.settings import GatewaySettings
from gateway.stream.progress import Streams

# A bus that is silently gone is noticed within this time.
BUS_PING_SECONDS = 5


class Edge:
    """The raw ASGI application; its lifespan holds the connections and the background."""

    def __init__(self, settings: GatewaySettings) -> None:
        self.settings = settings
        self.gateway: Gateway | None = None
        self.connections = Connections(
            settings.connection_limit,
            settings.connection_limit_per_address,
            Addresses(settings.trusted_proxies),
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and self.gateway is not None:
            await respond(self.gateway, scope, receive, send)
        elif scope["type"] == "lifespan":
            await self._live(receive, send)

    def stop(self) -> None:
        """No longer ready; streams end so that the rest can be finished in time."""
        if self.gateway is not None:
            self.gateway.health.stopping = True
            self.gateway.streams.stopping.set()

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        async with opened(self.settings) as self.gateway:
            gc.collect()
            gc.freeze()
            # Default thresholds cost a p99 of 70 ms under load; these measured 6–10 ms.
            gc.set_threshold(20_000, 20, 50)
            await send({"type": "lifespan.startup.complete"})
            await receive()
        await send({"type": "lifespan.shutdown.complete"})


def create_app(settings: GatewaySettings | None = None) -> Edge:
    return Edge(settings or GatewaySettings())


@contextlib.asynccontextmanager
async def opened(settings: GatewaySettings) -> AsyncIterator[Gateway]:
    """A gateway with its background at work."""
    async with open_upstreams(settings) as upstreams:
        gateway = Gateway(
            settings=settings,
            upstreams=upstreams,
            keys=TokenKeys(settings.keys_url, settings.issuer),
            nc=Client(),
            cache=Cache(Store(settings.cache_bytes)),
            buckets=Buckets(),
            policies=policies(settings),
            documents=Documents(tuple(upstreams.addresses)),
            health=Health(),
            streams=Streams(settings.stream_limit, settings.stream_limit_per_client),
            addresses=Addresses(settings.trusted_proxies),
        )
        tasks = [
            asyncio.create_task(refresh_keys(gateway.keys)),
            asyncio.create_task(_connected(gateway)),
            asyncio.create_task(share(gateway.buckets, gateway.policies, gateway.nc)),
            asyncio.create_task(refresh(gateway.documents, upstreams)),
            asyncio.create_task(watch(gateway.health, upstreams, gateway.keys)),
        ]
        try:
            yield gateway
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            if gateway.nc.is_connected or gateway.nc.is_reconnecting:
                with contextlib.suppress(NatsError, OSError):
                    await gateway.nc.close()


async def _connected(gateway: Gateway) -> None:
    """Connect to the bus, however late it comes, and listen."""
    while not gateway.nc.is_connected:
        try:
            await gateway.nc.connect(
                gateway.settings.nats_url,
                name="gateway",
                inbox_prefix="_INBOX_gateway",
                max_reconnect_attempts=-1,
                reconnect_time_wait=1,
                ping_interval=BUS_PING_SECONDS,
                error_cb=quiet,
            )
        except (NatsError, OSError, TimeoutError):
            await asyncio.sleep(0.5)
    await listen(gateway.cache, gateway.nc)
