"""Probes and metrics: `/livez`, `/readyz`, `/metrics`."""

import asyncio
import contextlib
from collections.abc import Coroutine
from typing import Any, TypeVar

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse, PlainTextResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import QueuePool

from chassis import telemetry
from chassis.auth import Anyone
from chassis.database.sessions import reading
from chassis.http.route import TransactionRoute
from chassis.messaging import dead_letters, relay
from chassis.process import CurrentProcess, Process

T = TypeVar("T")
# A probe of Kubernetes waits three seconds for an answer, which must name the part.
PROBE_SECONDS = 2

probes = APIRouter(tags=["health"], route_class=TransactionRoute)


@probes.get("/livez", include_in_schema=False)
async def livez(_: Anyone) -> dict[str, str]:
    """The process answers."""
    return {"status": "alive"}


@probes.get("/readyz", include_in_schema=False)
async def readyz(process: CurrentProcess, _: Anyone) -> Response:
    """Whether everything the service needs is there; 503 names what is not."""
    parts = {name: await check() for name, check in process.ready.items()}
    for name, reason in parts.items():
        telemetry.READY.labels(process.service, name).set(reason is None)
    ready = not any(parts.values())
    details = {name: {"ready": not reason, "detail": reason} for name, reason in parts.items()}
    return JSONResponse(
        {"status": "ready" if ready else "not ready", "parts": details},
        status_code=200 if ready else 503,
        headers={} if ready else {"Retry-After": "2"},
    )


@probes.get("/metrics", include_in_schema=False)
async def metrics(process: CurrentProcess, _: Anyone) -> Response:
    """Prometheus text; the outbox backlog is counted at each scrape."""
    pool = process.engine.pool
    in_use = pool.checkedout() if isinstance(pool, QueuePool) else 0
    telemetry.POOL.labels(process.service).set(in_use)
    waiting = letters = float("nan")
    with contextlib.suppress(SQLAlchemyError, OSError):
        waiting, letters = await within_probe_time(_count(process))
    telemetry.BACKLOG.labels(process.service).set(waiting)
    telemetry.LETTERS.labels(process.service).set(letters)
    return PlainTextResponse(generate_latest(), media_type=CONTENT_TYPE_LATEST)


async def _count(process: Process) -> tuple[int, int]:
    async with reading(process) as session:
        return await relay.backlog(session), await dead_letters.count_open(session)


async def within_probe_time(probe: Coroutine[Any, Any, T]) -> T:
    """The probe's result; raises TimeoutError, and abandons it, when a frozen part keeps it.

    Its end is not awaited: that may take as long as the part stays frozen.
    """
    task = asyncio.create_task(probe)
    await asyncio.wait({task}, timeout=PROBE_SECONDS)
    if not task.done():
        task.cancel()
        raise TimeoutError
    return task.result()


async def database_check(process: Process, head: str, older: frozenset[str]) -> str | None:
    """Ready at revision `head`, and at a newer one: old pods go on while new ones roll out."""
    try:
        current = await within_probe_time(_revision(process))
    except (SQLAlchemyError, OSError) as error:
        return f"database does not answer: {type(error).__name__}"
    if current is None or current in older:
        return f"database is at {current}, needs {head}: run migrate"
    return None


async def _revision(process: Process) -> str | None:
    async with reading(process) as session:
        number = await session.scalar(text("SELECT version_num FROM alembic_version"))
        return None if number is None else str(number)
