"""Accesses recorded by case-svc, and copies of its cases."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from pydantic import BaseModel

from chassis.database.sessions import WriteSession
from chassis.database.upsert import upsert_newer
from chassis.subscriptions import Received, Subscriptions
from exchange_svc.calls.models import CaseLink
from exchange_svc.calls.usecases.accesses import Access, record_access

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
async def on_footprint_recorded(session: WriteSession, event: Received[FootprintRecorded]) -> None:
    await record_access(session, Access(**event.data.model_dump()))


class CaseMoved(BaseModel):
    case_id: UUID
    case_no: str
    department_code: str
    person_id: UUID
    company_id: UUID | None
    status: str
    version: int


@links.on_batch("case.submitted.v1", CaseMoved)
@links.on_batch("case.restated.v1", CaseMoved)
@links.on_batch("case.accepted.v1", CaseMoved)
@links.on_batch("case.correction_requested.v1", CaseMoved)
@links.on_batch("case.corrected.v1", CaseMoved)
@links.on_batch("case.not_accepted.v1", CaseMoved)
@links.on_batch("case.suspended.v1", CaseMoved)
@links.on_batch("case.resumed.v1", CaseMoved)
@links.on_batch("case.reviewed.v1", CaseMoved)
@links.on_batch("case.decided.v1", CaseMoved)
@links.on_batch("case.finished.v1", CaseMoved)
@links.on_batch("case.withdrawn.v1", CaseMoved)
@links.on_batch("case.returned.v1", CaseMoved)
async def on_cases_moved(session: WriteSession, events: Sequence[Received[CaseMoved]]) -> None:
    await upsert_newer(session, CaseLink, [event.data.model_dump() for event in events])
