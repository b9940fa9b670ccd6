"""What an operator sees and acts on: readiness, metrics, dead letters, the outbox."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import JSONResponse, PlainTextResponse
from nats.aio.client import Client
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import BaseModel
from sqlalchemy import func, select, text, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

from chassis import clock, consumer, telemetry
from chassis.auth import Actor, Anyone, PlatformAdmin, requires
from chassis.db import ReadSession
from chassis.errors import Conflict, NotFound
from chassis.outbox import backlog
from chassis.pagination import Page, PageQuery, page_of, paginate
from chassis.problems import problems
from chassis.service import Service
from chassis.settings import Context, context
from chassis.tables import dead_letter, outbox_event

Check = Callable[[], Awaitable[str | None]]

probes = APIRouter(tags=["health"])


@probes.get("/livez", include_in_schema=False)
async def livez(_: Anyone) -> dict[str, str]:
    """The process answers."""
    return {"status": "alive"}


@probes.get("/readyz", include_in_schema=False)
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


@probes.get("/metrics", include_in_schema=False)
async def metrics(request: Request, _: Anyone) -> Response:
    """Prometheus text; the outbox backlog is counted when asked."""
    here: Context = request.app.state.context
    try:
        async with here.reading.begin() as session:
            telemetry.BACKLOG.labels(here.service).set(await backlog(session))
    except (SQLAlchemyError, OSError):
        telemetry.BACKLOG.labels(here.service).set(float("nan"))
    return PlainTextResponse(generate_latest(), media_type=CONTENT_TYPE_LATEST)


def database_check(here: Context, head: str, older: frozenset[str]) -> Check:
    """Ready at head, and at a newer revision: old pods go on while new ones roll out."""

    async def check() -> str | None:
        try:
            async with here.engine.connect() as connection:
                found = await connection.scalar(text("SELECT version_num FROM alembic_version"))
        except (SQLAlchemyError, OSError) as error:
            return f"database does not answer: {type(error).__name__}"
        if found is None or found in older:
            return f"database is at {found}, needs {head}: run migrate"
        return None

    return check


def bus_check(nc: Client) -> Check:
    async def check() -> str | None:
        return None if nc.is_connected else "NATS is not connected"

    return check


def keys_check(here: Context) -> Check:
    async def check() -> str | None:
        return None if here.keys.keys else f"no token keys yet from {here.keys.url}"

    return check


Operator = Annotated[Actor, Depends(requires(kind="staff", roles=("platform_admin",)))]


class DeadLetterNotFound(NotFound):
    slug = "dead-letter-not-found"
    zh = "没有找到这条死信。"
    en = "No such dead letter."


class AlreadyRedriven(Conflict):
    slug = "already-redriven"
    zh = "这条死信已于 {at} 重新处理。"
    en = "This dead letter was re-driven at {at}."


class StillFailing(Conflict):
    slug = "still-failing"
    zh = "重新处理仍然失败：{reason}。请先排除原因。"
    en = "It fails again: {reason}. Mend the cause first."


class DeadLetterOut(BaseModel):
    dead_letter_id: UUID
    service: str
    type: str
    subject: str
    reason: str
    deliveries: int
    parked_at: datetime
    redriven_at: datetime | None
    links: dict[str, str]


class OutboxOut(BaseModel):
    service: str
    backlog: int
    parked: int
    oldest_unpublished_at: datetime | None


def router(service: Service) -> APIRouter:
    """The operations routes of one service, under its own name."""
    base = f"/api/v1/operations/{service.name}"
    routes = APIRouter(prefix=base, tags=["operations"])

    @routes.get("/dead-letters")
    async def list_dead_letters(
        actor: PlatformAdmin, session: ReadSession, page: PageQuery, redriven: bool = False
    ) -> Page[DeadLetterOut]:
        """Events a consumer gave up on, newest first."""
        columns = [column for column in dead_letter.c if column.name != "envelope"]
        statement = select(*columns)
        if not redriven:
            statement = statement.where(dead_letter.c.redriven_at.is_(None))
        keys = [(dead_letter.c.dead_letter_id, "desc")]
        window = await paginate(session, statement, keys, page)  # type: ignore[arg-type]  # a list of one kind
        return page_of(window, [_letter(service.name, base, row) for row in window.rows])

    @routes.post(
        "/dead-letters/{dead_letter_id}/redrive",
        responses=problems(DeadLetterNotFound, AlreadyRedriven, StillFailing),
    )
    async def redrive_dead_letter(
        dead_letter_id: UUID, request: Request, actor: PlatformAdmin
    ) -> dict[str, str]:
        """Give the event its effect now, exactly once."""
        here: Context = request.app.state.context
        await redrive(here, service, dead_letter_id)
        return {"status": "redriven"}

    @routes.get("/outbox")
    async def show_outbox(actor: PlatformAdmin, session: ReadSession) -> OutboxOut:
        """How many events wait for the bus, and since when."""
        return await _outbox(session)

    return routes


async def redrive(here: Context, service: Service, dead_letter_id: UUID) -> None:
    async with here.reading.begin() as session:
        statement = select(dead_letter).where(dead_letter.c.dead_letter_id == dead_letter_id)
        row = (await session.execute(statement)).one_or_none()
    if row is None:
        raise DeadLetterNotFound
    if row.redriven_at is not None:
        raise AlreadyRedriven(at=row.redriven_at.isoformat())
    content = here.vault.decrypt(row.envelope).encode()
    try:
        await consumer.apply(here, content, consumer.merged(service.subscriptions))
    except Exception as error:
        reason = telemetry.without_values(f"{type(error).__name__}: {error}")
        raise StillFailing(reason=reason) from error
    await _mark_redriven(here, dead_letter_id)


async def _mark_redriven(here: Context, dead_letter_id: UUID) -> None:
    from chassis.db import transaction

    async with transaction(here) as session:
        await session.execute(
            update(dead_letter)
            .where(dead_letter.c.dead_letter_id == dead_letter_id)
            .values(redriven_at=clock.now())
        )


def _letter(service: str, base: str, row: object) -> DeadLetterOut:
    values = row._mapping  # type: ignore[attr-defined]  # noqa: SLF001 - SQLAlchemy's public mapping
    return DeadLetterOut(
        **values,
        service=service,
        links={"redrive": f"{base}/dead-letters/{values['dead_letter_id']}/redrive"},
    )


async def _outbox(session: AsyncSession) -> OutboxOut:
    waiting = outbox_event.c.published_at.is_(None)
    parked = outbox_event.c.parked_reason.is_not(None)
    statement = select(
        func.count().filter(parked), func.min(outbox_event.c.recorded_at).filter(waiting, ~parked)
    ).where(waiting)
    parked_rows, oldest = (await session.execute(statement)).one()
    return OutboxOut(
        service=context(session).service,
        backlog=await backlog(session),
        parked=parked_rows,
        oldest_unpublished_at=oldest,
    )
