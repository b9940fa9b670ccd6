"""What runs beside the requests: relay, consumers, loops, key refresh."""

import asyncio
import contextlib
import gc
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable
from datetime import timedelta
from functools import partial
from typing import Any

import structlog
from nats.aio.client import Client
from nats.errors import Error as NatsError
from sqlalchemy import Column, delete, func, select
from sqlalchemy.exc import SQLAlchemyError

from chassis import clock, signing, telemetry
from chassis.auth import TokenKeys
from chassis.database.leadership import lock_number
from chassis.database.sessions import WriteSession, transaction
from chassis.database.tables import idempotency_record, inbox_event, outbox_event
from chassis.messaging import bus, consumer, relay, republication
from chassis.process import Process
from chassis.service import Loop, Service
from chassis.subscriptions import merged, producers

KEY_REFRESH_SECONDS = 60
CONNECT_SECONDS = 2
REPUBLICATION_SECONDS = 2
# A second cancellation comes so much later; longer than a consumer takes to give messages back.
STOP_SECONDS = 2
log = structlog.get_logger()

Task = Callable[[], Coroutine[Any, Any, None]]


@contextlib.asynccontextmanager
async def running(service: Service, process: Process, *, alone: bool) -> AsyncIterator[None]:
    """Start the background of a process and stop it on the way out; `alone`: a worker process."""
    await start_up(service, process)
    process.ready["keys"] = partial(_keys_check, process)
    connecting = asyncio.create_task(connect(process.bus, service.settings.nats_url, service.name))
    # A bus that is away must not keep requests waiting: their events are rows.
    await asyncio.wait({connecting}, timeout=CONNECT_SECONDS)
    parts: dict[str, Task] = {"keys": partial(refresh_keys, process.keys)}
    if alone or service.settings.worker:
        process.ready["bus"] = partial(_bus_check, process)
        parts |= _work(service, process, connecting)
    else:
        forward = partial(relay.forward_wake_ups, process, process.bus)
        parts["wake-ups"] = partial(_after, connecting, forward)
    tasks = [asyncio.create_task(_for_ever(name, part)) for name, part in parts.items()]
    gc.collect()
    gc.freeze()
    # Default thresholds cost a p99 of 70 ms under load; with these it was 6–10 ms.
    gc.set_threshold(20_000, 20, 50)
    try:
        yield
    finally:
        await stop([*tasks, connecting])
        if not process.bus.is_closed:
            await process.bus.close()


async def stop(tasks: Iterable[asyncio.Task[Any]]) -> None:
    """Cancel tasks until they have ended: `wait_for` in a library can swallow one cancellation."""
    while pending := [task for task in tasks if not task.done()]:
        for task in pending:
            task.cancel()
        await asyncio.wait(pending, timeout=STOP_SECONDS)


async def connect(nc: Client, url: str, name: str) -> None:
    """Connect to NATS, however late it comes."""
    while not nc.is_connected:
        try:
            await bus.connect(url, name=name, bus=nc)
        except (NatsError, OSError, TimeoutError) as error:
            log.warning("bus_waits", kind=type(error).__name__)
            await asyncio.sleep(1)


async def start_up(service: Service, process: Process) -> None:
    """What must stand before the first request; several processes take turns."""
    async with transaction(process) as session:
        await session.execute(select(func.pg_advisory_xact_lock(lock_number("start-up", 1))))
        if service.signs:
            await signing.ensure_key(session)
        for step in service.startup:
            await step(session)


def _work(service: Service, process: Process, connecting: asyncio.Task[None]) -> dict[str, Task]:
    reactions = merged(service.subscriptions)
    copies = merged([room for room in service.subscriptions if room.copies])
    nc = process.bus
    on_bus: dict[str, Task] = {"relay": partial(relay.relay, process, nc)}
    for producer in producers(reactions):
        consume = partial(consumer.consume, process, nc, producer, reactions)
        rebuild = partial(consumer.rebuild, process, nc, producer, reactions, copies)
        on_bus |= {f"consumer of {producer}": consume, f"rebuild from {producer}": rebuild}
    parts: dict[str, Task] = {
        name: partial(_after, connecting, part) for name, part in on_bus.items()
    }
    settings = process.settings
    days = settings.event_retention_days
    # As long as a stream or an outbox could bring an event again, a lost stream's outbox twice.
    inbox_days = settings.stream_retention_days + 2 * days
    keys_age = timedelta(hours=settings.idempotency_hours)
    republish = partial(republication.republish_page, kinds=service.republish)
    published, received = outbox_event.c.published_at, inbox_event.c.received_at
    for loop in (
        *service.loops,
        Loop("republication", REPUBLICATION_SECONDS, republish),
        forgetting("idempotency keys", idempotency_record.c.created_at, keys_age),
        forgetting("published events", published, timedelta(days=days)),
        forgetting("received events", received, timedelta(days=inbox_days)),
    ):
        parts[loop.name] = partial(_turns, process, loop)
    return parts


def forgetting(rows: str, moment: Column[Any], age: timedelta) -> Loop:
    """A loop that drops the rows of a table whose `moment` is longer ago than `age`."""

    async def forget(session: WriteSession) -> None:
        await session.execute(delete(moment.table).where(moment < clock.now() - age))

    return Loop(f"forget {rows}", 3600, forget)


async def _after(connecting: asyncio.Task[None], part: Task) -> None:
    await asyncio.wait({connecting})
    await part()


async def _for_ever(name: str, part: Task) -> None:
    while True:
        try:
            await part()
        except Exception as error:  # one part that fails must not end the others
            log.exception("background_failed", part=name, exc_info=error)
            await asyncio.sleep(1)


async def _turns(process: Process, loop: Loop) -> None:
    while True:
        outcome = "failed"
        try:
            await take_turn(process, loop)
            outcome = "done"
        except (SQLAlchemyError, OSError) as error:
            log.warning("loop_waits", loop=loop.name, kind=type(error).__name__)
        finally:
            telemetry.TURNS.labels(process.service, loop.name, outcome).inc()
        await asyncio.sleep(loop.every)


async def take_turn(process: Process, loop: Loop) -> None:
    """One turn in one transaction, skipped when another process is taking it."""
    async with transaction(process) as session:
        lock = select(func.pg_try_advisory_xact_lock(lock_number(loop.name, 1)))
        if (await session.execute(lock)).scalar_one():
            await loop.run(session)


async def refresh_keys(keys: TokenKeys) -> None:
    """Fetch token keys until the first are there, then each minute; never inside a request."""
    while True:
        try:
            await keys.refresh()
        except Exception as error:  # noqa: BLE001 - the issuer may be down in any way
            log.debug("keys_wait", kind=type(error).__name__)
        await asyncio.sleep(KEY_REFRESH_SECONDS if keys.keys else 0.3)


async def _bus_check(process: Process) -> str | None:
    return None if process.bus.is_connected else "NATS is not connected"


async def _keys_check(process: Process) -> str | None:
    return None if process.keys.keys else f"no token keys yet from {process.keys.url}"
