"""What runs beside the requests: relay, consumers, loops, key refresh; one task group."""

import asyncio
import contextlib
import gc
import socket
import zlib
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from functools import partial
from typing import Any

import structlog
import uvicorn
from nats.aio.client import Client
from nats.errors import Error as NatsError
from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

from chassis import consumer, idempotency, operations, outbox, signing, telemetry
from chassis.auth import TokenKeys
from chassis.db import transaction
from chassis.service import Loop, Service
from chassis.settings import Context

KEY_REFRESH_SECONDS = 60
JOIN_SECONDS = 2
REPUBLICATION_SECONDS = 2
log = structlog.get_logger()


Step = Callable[[], Coroutine[Any, Any, None]]


@contextlib.asynccontextmanager
async def running(service: Service, here: Context, *, alone: bool) -> AsyncIterator[None]:
    """Start the background of a process and stop it on the way out; `alone`: a worker process."""
    await start_up(service, here)
    here.ready["keys"] = operations.keys_check(here)
    joined = asyncio.create_task(_join(service, here.bus))
    # A bus that is away must not keep requests waiting: their events are rows.
    await asyncio.wait({joined}, timeout=JOIN_SECONDS)
    steps: dict[str, Step] = {"keys": lambda: refresh_keys(here.keys)}
    if alone or service.settings.worker:
        here.ready["bus"] = operations.bus_check(here.bus)
        steps |= _work(service, here, joined)
    else:
        steps["nudge"] = partial(_once, joined, partial(outbox.nudge, here, here.bus))
    tasks = [asyncio.create_task(_for_ever(name, step)) for name, step in steps.items()]
    gc.collect()
    gc.freeze()
    # Default thresholds cost a p99 of 70 ms under load; these measured 6–10 ms.
    gc.set_threshold(20_000, 20, 50)
    try:
        yield
    finally:
        await stop([*tasks, joined])
        if not here.bus.is_closed:
            await here.bus.close()


async def _once(joined: asyncio.Task[None], step: Step) -> None:
    await asyncio.wait({joined})
    await step()


async def _for_ever(name: str, step: Step) -> None:
    while True:
        try:
            await step()
        except Exception as error:  # one part that fails must not end the others
            log.exception("background_failed", part=name, exc_info=error)
            await asyncio.sleep(1)


async def stop(tasks: Sequence[asyncio.Task[None]]) -> None:
    """Cancel tasks until they end: `wait_for` in a library can swallow a cancellation."""
    while pending := [task for task in tasks if not task.done()]:
        for task in pending:
            task.cancel()
        await asyncio.wait(pending, timeout=0.5)


def sockets(config: uvicorn.Config, handed_down: int | None) -> list[socket.socket] | None:
    """The socket handed down and one of the process's own; None: let uvicorn open its own."""
    if handed_down is None:
        return None
    return [socket.socket(fileno=handed_down), config.bind_socket()]


async def let_go(server: uvicorn.Server, seconds: float, *, handed_down: bool) -> None:
    """Part from kept connections one answer at a time, before those that are left are closed.

    Whoever is just sending on a connection that is being closed cannot know if he was heard.
    """
    if handed_down:  # somebody else listens to the same socket already
        for one in server.servers:
            one.close()
    state = server.server_state
    state.default_headers = [*state.default_headers, (b"connection", b"close")]
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    while state.connections and loop.time() < end:  # noqa: ASYNC110 - uvicorn tells nobody
        await asyncio.sleep(0.05)


async def start_up(service: Service, here: Context) -> None:
    async with transaction(here) as session:
        await session.execute(select(func.pg_advisory_xact_lock(_lock_of("start-up"))))
        if service.signs:
            await signing.ensure_key(session)
        for step in service.startup:
            await step(session)


async def _join(service: Service, bus: Client) -> None:
    while not bus.is_connected:
        try:
            await consumer.connect(service.settings.nats_url, name=service.name, bus=bus)
        except (NatsError, OSError, TimeoutError) as error:
            log.warning("bus_waits", kind=type(error).__name__)
            await asyncio.sleep(1)


def _work(service: Service, here: Context, joined: asyncio.Task[None]) -> dict[str, Step]:
    reactions = consumer.merged(service.subscriptions)
    again = consumer.merged([one for one in service.subscriptions if one.copies])
    on_bus: dict[str, Step] = {"relay": partial(outbox.relay, here, here.bus)}
    for producer in consumer.producers(reactions):
        read = partial(consumer.run, here, here.bus, producer, reactions)
        reread = partial(consumer.rebuild, here, here.bus, producer, reactions, again)
        on_bus |= {f"consumer of {producer}": read, f"rebuild from {producer}": reread}
    steps: dict[str, Step] = {name: partial(_once, joined, one) for name, one in on_bus.items()}
    steps["republication"] = partial(_republishing, service, here)
    for loop in (*service.loops, *_housekeeping(here)):
        steps[loop.name] = partial(_turns, here, loop)
    return steps


async def _republishing(service: Service, here: Context) -> None:
    while True:
        while await outbox.republish_page(here, service.republish):
            pass
        await asyncio.sleep(REPUBLICATION_SECONDS)


def _housekeeping(here: Context) -> tuple[Loop, ...]:
    days = here.settings.event_retention_days
    # As long as a stream or an outbox could bring an event again, a lost stream's outbox twice.
    known = here.settings.stream_retention_days + 2 * days
    return (
        Loop("forget idempotency keys", 3600, idempotency.forget_old),
        Loop("forget published events", 3600, lambda session: outbox.forget_old(session, days)),
        Loop("forget received events", 86400, lambda session: consumer.forget_old(session, known)),
    )


async def _turns(here: Context, loop: Loop) -> None:
    while True:
        outcome = "failed"
        try:
            await take_turn(here, loop)
            outcome = "done"
        except (SQLAlchemyError, OSError) as error:
            log.warning("loop_waits", loop=loop.name, kind=type(error).__name__)
        finally:
            telemetry.TURNS.labels(here.service, loop.name, outcome).inc()
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
