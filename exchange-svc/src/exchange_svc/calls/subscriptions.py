"""Looks that happened in the case service, and which cases are live."""

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.consumer import Received, Subscriptions
from exchange_svc.calls.models import CaseLink
from exchange_svc.calls.usecases.looks import Look, record_look
from exchange_svc.parties.usecases import keep_copy

subscriptions = Subscriptions()
links = Subscriptions(copies=True)


class FootprintRecorded(BaseModel):
    footprint_id: UUID
    person_id: UUID
    at: datetime
    department_code: str | None = None
    department_name: str | None = None
    post: str | None = None
    actor_id: UUID | None = None
    fields: list[str]
    case_id: UUID | None = None
    case_no: str | None = None
    ground: str


@subscriptions.on("case.footprint_recorded.v1", FootprintRecorded)
async def on_footprint_recorded(session: AsyncSession, event: Received[FootprintRecorded]) -> None:
    await record_look(session, Look(**event.data.model_dump()))


class CaseMoved(BaseModel):
    case_id: UUID
    case_no: str
    department_code: str
    person_id: UUID
    company_id: UUID | None
    status: str
    version: int


@links.on("case.submitted.v1", CaseMoved)
@links.on("case.restated.v1", CaseMoved)
@links.on("case.accepted.v1", CaseMoved)
@links.on("case.correction_requested.v1", CaseMoved)
@links.on("case.corrected.v1", CaseMoved)
@links.on("case.not_accepted.v1", CaseMoved)
@links.on("case.suspended.v1", CaseMoved)
@links.on("case.resumed.v1", CaseMoved)
@links.on("case.reviewed.v1", CaseMoved)
@links.on("case.decided.v1", CaseMoved)
@links.on("case.finished.v1", CaseMoved)
@links.on("case.withdrawn.v1", CaseMoved)
@links.on("case.returned.v1", CaseMoved)
async def on_case_moved(session: AsyncSession, event: Received[CaseMoved]) -> None:
    await keep_copy(session, CaseLink, event.data.model_dump())
