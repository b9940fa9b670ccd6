"""Composition root of the gateway: its parts, its middlewares and its routes."""

import asyncio
import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from nats.aio.client import Client
from nats.errors import Error as NatsError
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.routing import Route

from chassis.auth import TokenKeys
from chassis.messaging import worker
from gateway.authentication import Authentication
from gateway.cache.invalidation import invalidate_by_events
from gateway.cache.middleware import Cache, PublicReads
from gateway.cache.store import Store
from gateway.cors import Cors
from gateway.health import Health
from gateway.limits.buckets import Buckets
from gateway.limits.clients import Addresses
from gateway.limits.distributed import share
from gateway.limits.middleware import RateLimits, policies
from gateway.openapi.documents import Documents
from gateway.operations import LISTS, Operations
from gateway.pages.pages import Pages
from gateway.proxy.forwarding import Forwarding
from gateway.proxy.request_validation import RequestValidation
from gateway.proxy.upstreams import Upstreams
from gateway.refusals import Failures, http_error
from gateway.settings import GatewaySettings
from gateway.stream import progress
from gateway.stream.progress import Streams
from gateway.telemetry import Telemetry


class Gateway:
    """Everything one gateway process holds."""

    def __init__(self, settings: GatewaySettings) -> None:
        self.settings = settings
        self.upstreams = Upstreams(settings)
        self.keys = TokenKeys(settings.keys_url, settings.issuer)
        self.bus = Client()
        self.cache = Cache(Store(settings.cache_bytes))
        self.buckets = Buckets()
        self.policies = policies(settings)
        self.documents = Documents(self.upstreams)
        self.health = Health(self.upstreams, self.keys, settings.metrics_from)
        self.streams = Streams(
            self.upstreams, self.bus, settings.stream_limit, settings.stream_limit_per_client
        )

    def middlewares(self) -> list[Middleware]:
        """What happens to every request, in this order, before a route answers it."""
        addresses = Addresses(self.settings.trusted_proxies)
        traced = self.settings.otlp_url is not None
        return [
            Middleware(Telemetry, addresses=addresses, traced=traced),
            Middleware(Failures),
            Middleware(Cors),
            Middleware(Authentication, keys=self.keys),
            Middleware(RateLimits, buckets=self.buckets, policies=self.policies),
            Middleware(RequestValidation),
            Middleware(PublicReads, cache=self.cache, upstreams=self.upstreams),
        ]

    def routes(self) -> list[Route]:
        """What the gateway answers itself; everything else is forwarded."""
        documents, health = self.documents, self.health
        operations = Operations(self.upstreams)
        return [
            Route("/livez", health.live),
            Route("/readyz", health.ready),
            Route("/metrics", health.metrics),
            Route("/openapi.json", documents.show_merged),
            Route("/asyncapi.json", documents.show_merged),
            Route("/openapi/{service}.json", documents.show_of_service),
            *(Route(path, operations.list_all) for path in LISTS),
            Route(progress.PATH, self.streams),
            *Pages(self.upstreams, documents).routes(),
        ]

    @asynccontextmanager
    async def lifespan(self, _: Starlette) -> AsyncIterator[None]:
        async with self.upstreams.opened():
            background = (
                worker.refresh_keys(self.keys),
                self.follow_events(),
                share(self.buckets, self.policies, self.bus),
                self.documents.refresh(),
                self.health.watch(),
            )
            tasks = [asyncio.create_task(part) for part in background]
            gc.collect()
            gc.freeze()
            # Default thresholds cost a p99 of 70 ms under load; these measured 6–10 ms.
            gc.set_threshold(20_000, 20, 50)
            try:
                yield
            finally:
                self.stop()
                await worker.stop(tasks)
                with suppress(NatsError, OSError):
                    await self.bus.close()

    def stop(self) -> None:
        """No longer ready; streams end, so that the rest can be finished in time."""
        self.health.stopping = True
        self.streams.stop()

    async def follow_events(self) -> None:
        """Connect to the bus, however late it comes, and listen."""
        await worker.connect(self.bus, self.settings.nats_url, "gateway")
        await invalidate_by_events(self.cache, self.bus)


def create_app(settings: GatewaySettings | None = None) -> Starlette:
    gateway = Gateway(settings or GatewaySettings())
    app = Starlette(
        routes=gateway.routes(),
        middleware=gateway.middlewares(),
        exception_handlers={HTTPException: http_error},
        lifespan=gateway.lifespan,
    )
    # The one catch-all. A Route for it would also answer the methods that own routes refuse.
    app.router.default = Forwarding(gateway.upstreams)
    app.router.redirect_slashes = False
    app.state.gateway = gateway
    return app
