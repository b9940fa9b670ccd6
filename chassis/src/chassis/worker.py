"""What runs beside the requests: relay, consumers, loops, key refresh; one task group."""

import asyncio
import contextlib
import zlib
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from functools import partial
from typing import Any

import structlog
from nats.aio.client import Client
from nats.errors import Error as NatsError
from nats.js import JetStreamContext
from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

from chassis import consumer, operations, outbox, preconditions, signing
from chassis.auth import TokenKeys
from chassis.db import transaction
from chassis.service import Loop, Service
from chassis.settings import Context

KEY_REFRESH_SECONDS = 60
log = structlog.get_logger()


Step = Callable[[], Coroutine[Any, Any, None]]


@contextlib.asynccontextmanager
async def running(service: Service, here: Context, *, alone: bool) -> AsyncIterator[None]:
    """Start the background of a process and stop it on the way out; `alone`: a worker process."""
    await start_up(service, here)
    here.ready["keys"] = operations.keys_check(here)
    steps: dict[str, Step] = {"keys": lambda: refresh_keys(here.keys)}
    nc: Client | None = None
    if alone or service.settings.worker:
        nc = await _connect(service)
        here.ready["bus"] = operations.bus_check(nc)
        steps |= _work(service, here, nc.jetstream())
    tasks = [asyncio.create_task(_for_ever(name, step)) for name, step in steps.items()]
    try:
        yield
    finally:
        await _stop(tasks)
        if nc is not None:
            await nc.close()


async def _for_ever(name: str, step: Step) -> None:
    while True:
        try:
            await step()
        except Exception as error:  # one part that fails must not end the others
            log.exception("background_failed", part=name, exc_info=error)
            await asyncio.sleep(1)


async def _stop(tasks: Sequence[asyncio.Task[None]]) -> None:
    # Again and again: a library that waits with wait_for can swallow one cancellation.
    while pending := [task for task in tasks if not task.done()]:
        for task in pending:
            task.cancel()
        await asyncio.wait(pending, timeout=0.5)


async def start_up(service: Service, here: Context) -> None:
    async with transaction(here) as session:
        await session.execute(select(func.pg_advisory_xact_lock(_lock_of("start-up"))))
        if service.signs:
            await signing.ensure_key(session)
        for step in service.startup:
            await step(session)


async def _connect(service: Service) -> Client:
    while True:
        try:
            return await consumer.connect(service.settings.nats_url, name=service.name)
        except (NatsError, OSError, TimeoutError) as error:
            log.warning("bus_waits", kind=type(error).__name__)
            await asyncio.sleep(1)


def _work(service: Service, here: Context, js: JetStreamContext) -> dict[str, Step]:
    reactions = consumer.merged(service.subscriptions)
    steps: dict[str, Step] = {"relay": lambda: outbox.relay(here, js)}
    for producer in consumer.producers(reactions):
        steps[f"consumer of {producer}"] = partial(consumer.run, here, js, producer, reactions)
    for loop in (*service.loops, *_housekeeping(here)):
        steps[loop.name] = partial(_turns, here, loop)
    return steps


def _housekeeping(here: Context) -> tuple[Loop, ...]:
    days = here.settings.event_retention_days
    return (
        Loop("forget idempotency keys", 3600, preconditions.forget_old),
        Loop("forget published events", 3600, lambda session: outbox.forget_old(session, days)),
    )


async def _turns(here: Context, loop: Loop) -> None:
    while True:
        try:
            await take_turn(here, loop)
        except (SQLAlchemyError, OSError) as error:
            log.warning("loop_waits", loop=loop.name, kind=type(error).__name__)
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
