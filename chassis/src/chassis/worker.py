"""What runs beside the requests: relay, consumers, loops, key refresh; one task group."""

import asyncio
import contextlib
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable

import structlog
from nats.aio.client import Client
from nats.errors import Error as NatsError
from nats.js import JetStreamContext
from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

from chassis import bus, consumer, health, idempotency, relay, signing
from chassis.auth import TokenKeys
from chassis.context import Context
from chassis.db import transaction
from chassis.service import Loop, Service

KEY_REFRESH_SECONDS = 60
log = structlog.get_logger()


@contextlib.asynccontextmanager
async def running(service: Service, here: Context, *, alone: bool) -> AsyncIterator[None]:
    """Start the background of a process and stop it on the way out; `alone`: a worker process."""
    await _start_up(service, here)
    tasks = [asyncio.create_task(refresh_keys(here.keys))]
    here.ready["keys"] = health.keys_check(here)
    nc: Client | None = None
    if alone or service.settings.worker:
        nc = await _connect(service)
        here.ready["bus"] = health.bus_check(nc)
        tasks.append(asyncio.create_task(_work(service, here, nc)))
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if nc is not None:
            await nc.close()


async def _start_up(service: Service, here: Context) -> None:
    async with transaction(here) as session:
        await session.execute(select(func.pg_advisory_xact_lock(_lock_of("start-up"))))
        if service.signs:
            await signing.ensure_key(session)
        for step in service.startup:
            await step(session)


async def _connect(service: Service) -> Client:
    while True:
        try:
            return await bus.connect(service.settings.nats_url, name=service.name)
        except (NatsError, OSError, TimeoutError) as error:
            log.warning("bus_waits", kind=type(error).__name__)
            await asyncio.sleep(1)


async def _work(service: Service, here: Context, nc: Client) -> None:
    js: JetStreamContext = nc.jetstream()
    await _until_done(lambda: bus.ensure_stream(js, service.name))
    async with asyncio.TaskGroup() as group:
        group.create_task(relay.run(here, js))
        group.create_task(consumer.run(here, js, consumer.merged(service.subscriptions)))
        for loop in (*service.loops, *_housekeeping(here)):
            group.create_task(_turns(here, loop))


async def _until_done(step: Callable[[], Awaitable[None]]) -> None:
    while True:
        try:
            await step()
        except (NatsError, OSError, TimeoutError):
            await asyncio.sleep(1)
        else:
            return


def _housekeeping(here: Context) -> tuple[Loop, ...]:
    days = here.settings.event_retention_days
    return (
        Loop("forget idempotency keys", 3600, idempotency.forget_old),
        Loop("forget published events", 3600, lambda session: relay.forget_old(session, days)),
    )


async def _turns(here: Context, loop: Loop) -> None:
    while True:
        try:
            await take_turn(here, loop)
        except (SQLAlchemyError, OSError) as error:
            log.warning("loop_waits", loop=loop.name, kind=type(error).__name__)
        except Exception as error:  # a failing turn must not end the others
            log.exception("loop_failed", loop=loop.name, exc_info=error)
        await asyncio.sleep(loop.every)


async def take_turn(here: Context, loop: Loop) -> None:
    """One turn in one transaction, skipped when another process is taking it."""
    async with transaction(here) as session:
        if await _locked(session, loop.name):
            await loop.run(session)


async def _locked(session: AsyncSession, name: str) -> bool:
    statement = select(func.pg_try_advisory_xact_lock(_lock_of(name)))
    return bool((await session.execute(statement)).scalar_one())


def _lock_of(name: str) -> int:
    return zlib.crc32(name.encode()) | 1 << 40


async def refresh_keys(keys: TokenKeys) -> None:
    """Fetch token keys until the first are there, then each minute; never inside a request."""
    while True:
        try:
            await keys.refresh()
        except Exception as error:  # noqa: BLE001 - the issuer may be down in any way
            log.debug("keys_wait", kind=type(error).__name__)
        await asyncio.sleep(KEY_REFRESH_SECONDS if keys.keys else 0.3)
