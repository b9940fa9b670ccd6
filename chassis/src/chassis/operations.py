"""What an operator sees and acts on: readiness, metrics, dead letters, the outbox."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Coroutine
from datetime import datetime
from typing import Annotated, Any, TypeVar
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import JSONResponse, PlainTextResponse
from nats.aio.client import Client
from nats.js.api import ConsumerInfo
from nats.js.errors import NotFoundError
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import func, select, text, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession
from sqlalchemy.pool import QueuePool

from chassis import clock, consumer, outbox, signing, telemetry
from chassis.auth import Actor, Anyone, PlatformAdmin, requires
from chassis.db import ReadSession, Session, transaction
from chassis.errors import Conflict, NotFound
from chassis.events import stream_of
from chassis.pagination import Page, PageQuery, page_of, paginate
from chassis.problems import problems
from chassis.service import Service
from chassis.settings import Context, context
from chassis.tables import dead_letter, outbox_event, republication

T = TypeVar("T")
# A probe of Kubernetes waits three seconds for an answer, which must name the part.
_PATIENCE_SECONDS = 2
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
    for name, reason in parts.items():
        telemetry.READY.labels(here.service, name).set(reason is None)
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
    telemetry.POOL.labels(here.service).set(lent(here.engine))
    waiting = letters = float("nan")
    with contextlib.suppress(SQLAlchemyError, OSError):
        waiting, letters = await _promptly(_counted(here))
    telemetry.BACKLOG.labels(here.service).set(waiting)
    telemetry.LETTERS.labels(here.service).set(letters)
    return PlainTextResponse(generate_latest(), media_type=CONTENT_TYPE_LATEST)


async def _counted(here: Context) -> tuple[int, int]:
    async with here.reading.begin() as session:
        return await outbox.backlog(session), await _open_letters(session)


async def _promptly(probe: Coroutine[Any, Any, T]) -> T:
    """What it finds; raises TimeoutError, and leaves it behind, when a frozen part keeps it.

    Its end is not waited for: it may take as long as the part stays frozen.
    """
    task = asyncio.create_task(probe)
    await asyncio.wait({task}, timeout=_PATIENCE_SECONDS)
    if not task.done():
        task.cancel()
        raise TimeoutError
    return task.result()


def lent(engine: AsyncEngine) -> int:
    """Connections in use; engines without a pool keep none."""
    return engine.pool.checkedout() if isinstance(engine.pool, QueuePool) else 0


async def _open_letters(session: AsyncSession) -> int:
    statement = select(func.count()).where(dead_letter.c.redriven_at.is_(None))
    return int((await session.execute(statement)).scalar_one())


def database_check(here: Context, head: str, older: frozenset[str]) -> Check:
    """Ready at head, and at a newer revision: old pods go on while new ones roll out."""

    async def revision() -> str | None:
        async with here.engine.connect() as connection:
            found = await connection.scalar(text("SELECT version_num FROM alembic_version"))
        return None if found is None else str(found)

    async def check() -> str | None:
        try:
            found = await _promptly(revision())
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


class ProducerNotFound(NotFound):
    slug = "producer-not-found"
    zh = "本服务不读取该事件来源，或其事件流尚未建立。"
    en = "This service does not read that producer or event type, or there is no stream yet."


class RepublicationOut(BaseModel):
    """How far the rows of one kind have been told again."""

    name: str
    told: int
    asked_at: datetime
    finished_at: datetime | None


class RepublicationsOut(BaseModel):
    service: str
    kinds: list[RepublicationOut]


class RebuildIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    producer: str = Field(max_length=50, description="The service whose events are read again")
    type: str | None = Field(
        default=None, max_length=100, description="Only events of this type; without it all"
    )


class RebuildOut(BaseModel):
    """A rebuild under way; it leaves the list when nothing is left."""

    producer: str
    taken: int
    left: int
    asked_at: datetime


class RebuildsOut(BaseModel):
    service: str
    rebuilds: list[RebuildOut]


async def ask_republication(session: AsyncSession, service: Service) -> None:
    if service.signs:
        await signing.publish_keys(session)
    await outbox.ask_republication(session, service.republish)


async def ask_rebuild(here: Context, service: Service, asked: RebuildIn) -> RebuildOut:
    """Have a producer's stream read again from the beginning; asked twice it goes on."""
    subjects = consumer.subjects_of(consumer.merged(service.subscriptions), asked.producer)
    if asked.type is not None:
        subjects = [one for one in subjects if one == f"onenet.{asked.type}.*"]
    if not subjects:
        raise ProducerNotFound
    if not here.bus.is_connected:
        raise ConnectionError("NATS is not connected")
    try:
        found = await consumer.ensure_consumer(
            here.bus.jetstream(),
            stream=stream_of(asked.producer),
            durable=consumer.rebuild_of(service.name),
            subjects=subjects,
        )
    except NotFoundError as error:
        raise ProducerNotFound from error
    return _rebuild(asked.producer, found)


async def rebuilds(here: Context, service: Service) -> list[RebuildOut]:
    found = []
    for producer in consumer.producers(consumer.merged(service.subscriptions)):
        with contextlib.suppress(NotFoundError):
            durable = consumer.rebuild_of(service.name)
            seen = await here.bus.jetstream().consumer_info(stream_of(producer), durable)
            found.append(_rebuild(producer, seen))
    return found


def _rebuild(producer: str, found: ConsumerInfo) -> RebuildOut:
    assert found.created is not None
    return RebuildOut(
        producer=producer,
        taken=found.delivered.consumer_seq if found.delivered else 0,
        left=consumer.left(found),
        asked_at=found.created,
    )


def _add_repairs(routes: APIRouter, service: Service) -> None:
    """What rebuilds copies: told again by this service, or read again by it."""

    @routes.get("/republications")
    async def list_republications(actor: PlatformAdmin, session: ReadSession) -> RepublicationsOut:
        """How far the last republication has come."""
        rows = await session.execute(select(republication).order_by(republication.c.name))
        kinds = [RepublicationOut.model_validate(row, from_attributes=True) for row in rows]
        return RepublicationsOut(service=service.name, kinds=kinds)

    @routes.post("/republications", status_code=202)
    async def republish(actor: PlatformAdmin, session: Session) -> RepublicationsOut:
        """Tell the present state of all that others copy once more, from the beginning."""
        await ask_republication(session, service)
        return await list_republications(actor, session)

    @routes.get("/rebuilds")
    async def list_rebuilds(actor: PlatformAdmin, request: Request) -> RebuildsOut:
        """The rebuilds under way, and how far they have come."""
        found = await rebuilds(request.app.state.context, service)
        return RebuildsOut(service=service.name, rebuilds=found)

    @routes.post("/rebuilds", status_code=202, responses=problems(ProducerNotFound))
    async def rebuild(body: RebuildIn, actor: PlatformAdmin, request: Request) -> RebuildOut:
        """Read a producer's events again: copies are renewed, other effects happen once only."""
        return await ask_rebuild(request.app.state.context, service, body)


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
        names = [column.name for column in columns]
        shown = [dict(zip(names, row, strict=True)) for row in window.rows]
        return page_of(window, [_letter(service.name, base, one) for one in shown])

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

    _add_repairs(routes, service)
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
    async with transaction(here) as session:
        await session.execute(
            update(dead_letter)
            .where(dead_letter.c.dead_letter_id == dead_letter_id)
            .values(redriven_at=clock.now())
        )


def _letter(service: str, base: str, values: dict[str, Any]) -> DeadLetterOut:
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
        backlog=await outbox.backlog(session),
        parked=parked_rows,
        oldest_unpublished_at=oldest,
    )
