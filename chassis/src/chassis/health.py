"""Liveness is the process; readiness is every part it needs, each named when it is missing."""

from collections.abc import Awaitable, Callable

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse, PlainTextResponse
from nats.aio.client import Client
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from chassis import telemetry
from chassis.auth import Anyone
from chassis.context import Context
from chassis.relay import backlog

Check = Callable[[], Awaitable[str | None]]

router = APIRouter(tags=["health"])


@router.get("/livez", include_in_schema=False)
async def livez(_: Anyone) -> dict[str, str]:
    """The process answers."""
    return {"status": "alive"}


@router.get("/readyz", include_in_schema=False)
async def readyz(request: Request, _: Anyone) -> Response:
    """Whether everything the service needs is there; 503 names what is not."""
    here: Context = request.app.state.context
    parts = {name: await check() for name, check in here.ready.items()}
    missing = {name: reason for name, reason in parts.items() if reason}
    return JSONResponse(
        {
            "status": "not ready" if missing else "ready",
            "parts": {
                name: {"ready": reason is None, "detail": reason} for name, reason in parts.items()
            },
        },
        status_code=503 if missing else 200,
        headers={"Retry-After": "2"} if missing else {},
    )


@router.get("/metrics", include_in_schema=False)
async def metrics(request: Request, _: Anyone) -> Response:
    """Prometheus text; the outbox backlog is counted when asked."""
    here: Context = request.app.state.context
    try:
        async with here.reading.begin() as session:
            telemetry.BACKLOG.labels(here.service).set(await backlog(session))
    except (SQLAlchemyError, OSError):
        telemetry.BACKLOG.labels(here.service).set(float("nan"))
    return PlainTextResponse(generate_latest(), media_type=CONTENT_TYPE_LATEST)


def database_check(here: Context, head: str) -> Check:
    async def check() -> str | None:
        try:
            async with here.engine.connect() as connection:
                found = await connection.scalar(text("SELECT version_num FROM alembic_version"))
        except (SQLAlchemyError, OSError) as error:
            return f"database does not answer: {type(error).__name__}"
        return None if found == head else f"database is at {found}, needs {head}: run migrate"

    return check


def bus_check(nc: Client) -> Check:
    async def check() -> str | None:
        return None if nc.is_connected else "NATS is not connected"

    return check


def keys_check(here: Context) -> Check:
    async def check() -> str | None:
        return None if here.keys.keys else f"no token keys yet from {here.keys.url}"

    return check
