"""What an operator sees and acts on: dead letters, the outbox, republications, rebuilds."""

import contextlib
from datetime import datetime
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Response
from nats.js.api import ConsumerInfo
from nats.js.errors import NotFoundError
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis import telemetry
from chassis.auth import PlatformAdmin
from chassis.database.sessions import ReadSession, WriteSession, process_of, reading
from chassis.database.tables import outbox_event
from chassis.errors import NotFound
from chassis.events import stream_of
from chassis.http.route import Outcome, StagedRoute, TransactionRoute
from chassis.messaging import bus, consumer, dead_letters, relay, republication
from chassis.messaging.dead_letters import DeadLetterNotFound, DeadLetterOut, StillFailing
from chassis.pagination import Page, PageQuery, page_of
from chassis.problems import problems
from chassis.process import CurrentProcess, Process
from chassis.service import Service
from chassis.subscriptions import merged, producers, subjects_of


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
    """How many rows of one kind have been published again."""

    name: str
    published: int
    requested_at: datetime
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
    """A rebuild under way; it leaves the list when no event is left."""

    producer: str
    taken: int
    left: int
    requested_at: datetime


class RebuildsOut(BaseModel):
    service: str
    rebuilds: list[RebuildOut]


async def request_rebuild(process: Process, service: Service, request: RebuildIn) -> RebuildOut:
    """Have a producer's stream read again from the beginning; requested twice it goes on."""
    subjects = subjects_of(merged(service.subscriptions), request.producer)
    if request.type is not None:
        subjects = [subject for subject in subjects if subject == f"onenet.{request.type}.*"]
    if not subjects:
        raise ProducerNotFound
    if not process.bus.is_connected:
        raise ConnectionError("NATS is not connected")
    try:
        durable = await bus.ensure_consumer(
            process.bus.jetstream(),
            stream=stream_of(request.producer),
            durable=consumer.rebuild_durable(service.name),
            subjects=subjects,
        )
    except NotFoundError as error:
        raise ProducerNotFound from error
    return _rebuild_out(request.producer, durable)


async def rebuilds(process: Process, service: Service) -> list[RebuildOut]:
    """The rebuilds under way, by producer."""
    under_way, name = [], consumer.rebuild_durable(service.name)
    for producer in producers(merged(service.subscriptions)):
        with contextlib.suppress(NotFoundError):
            durable = await process.bus.jetstream().consumer_info(stream_of(producer), name)
            under_way.append(_rebuild_out(producer, durable))
    return under_way


def _rebuild_out(producer: str, durable: ConsumerInfo) -> RebuildOut:
    assert durable.created is not None
    return RebuildOut(
        producer=producer,
        taken=durable.delivered.consumer_seq if durable.delivered else 0,
        left=consumer.unsettled(durable),
        requested_at=durable.created,
    )


async def _republications(session: AsyncSession, service: Service) -> RepublicationsOut:
    rows = await republication.progress(session)
    kinds = [RepublicationOut.model_validate(row, from_attributes=True) for row in rows]
    return RepublicationsOut(service=service.name, kinds=kinds)


def router(service: Service) -> APIRouter:
    """The operations routes of one service, under its own name."""
    base = f"/api/v1/operations/{service.name}"
    routes = APIRouter(prefix=base, tags=["operations"], route_class=TransactionRoute)
    _add_dead_letters(routes, service, base)

    @routes.get("/outbox")
    async def show_outbox(actor: PlatformAdmin, session: ReadSession) -> OutboxOut:
        """How many events wait for the bus, and since when."""
        return await _outbox_out(session)

    @routes.get("/republications")
    async def list_republications(actor: PlatformAdmin, session: ReadSession) -> RepublicationsOut:
        """How far the last republication has come."""
        return await _republications(session, service)

    @routes.post("/republications", status_code=202)
    async def republish(
        actor: PlatformAdmin, session: WriteSession, response: Response
    ) -> RepublicationsOut:
        """Publish the present state of all that others copy once more, from the beginning."""
        await republication.request_republication(session, service)
        response.headers["Content-Location"] = f"{base}/republications"
        return await _republications(session, service)

    @routes.get("/rebuilds")
    async def list_rebuilds(actor: PlatformAdmin, process: CurrentProcess) -> RebuildsOut:
        """The rebuilds under way, and how far they have come."""
        return RebuildsOut(service=service.name, rebuilds=await rebuilds(process, service))

    @routes.post("/rebuilds", status_code=202, responses=problems(ProducerNotFound))
    async def rebuild(body: RebuildIn, actor: PlatformAdmin, process: CurrentProcess) -> RebuildOut:
        """Read a producer's events again: copies are renewed, other effects happen once only."""
        return await request_rebuild(process, service, body)

    return routes


def _add_dead_letters(routes: APIRouter, service: Service, base: str) -> None:
    @routes.get("/dead-letters")
    async def list_dead_letters(
        actor: PlatformAdmin, session: ReadSession, page: PageQuery, redriven: bool = False
    ) -> Page[DeadLetterOut]:
        """Events a consumer gave up on, newest first."""
        window = await dead_letters.list_letters(session, page, redriven=redriven)
        return page_of(window, [_letter_out(service.name, base, row) for row in window.rows])

    staged = APIRouter(route_class=StagedRoute)

    @staged.post(
        "/dead-letters/{dead_letter_id}/redrive",
        responses=problems(DeadLetterNotFound, dead_letters.AlreadyRedriven, StillFailing),
    )
    async def redrive_dead_letter(
        dead_letter_id: UUID, process: CurrentProcess, actor: PlatformAdmin, outcome: Outcome
    ) -> dict[str, str]:
        """Give the event its effect now, exactly once."""
        async with reading(process) as session:
            letter = await dead_letters.load(session, dead_letter_id)
        content = process.vault.decrypt(letter.envelope).encode()
        try:
            await consumer.apply(process, content, merged(service.subscriptions))
        except Exception as error:
            reason = telemetry.without_values(f"{type(error).__name__}: {error}")
            raise StillFailing(reason=reason) from error
        await dead_letters.mark_redriven(await outcome.begin(actor), dead_letter_id)
        return {"status": "redriven"}

    routes.include_router(staged)


def _letter_out(service: str, base: str, columns: dict[str, Any]) -> DeadLetterOut:
    links = {"redrive": f"{base}/dead-letters/{columns['dead_letter_id']}/redrive"}
    return DeadLetterOut(**columns, service=service, links=links)


async def _outbox_out(session: AsyncSession) -> OutboxOut:
    waiting = outbox_event.c.published_at.is_(None)
    parked = outbox_event.c.parked_reason.is_not(None)
    statement = select(
        func.count().filter(parked), func.min(outbox_event.c.recorded_at).filter(waiting, ~parked)
    ).where(waiting)
    parked_rows, oldest = (await session.execute(statement)).one()
    return OutboxOut(
        service=process_of(session).service,
        backlog=await relay.backlog(session),
        parked=parked_rows,
        oldest_unpublished_at=oldest,
    )
