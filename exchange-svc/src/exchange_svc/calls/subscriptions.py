"""Looks that happened in the case service."""

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.consumer import Received, Subscriptions
from exchange_svc.calls.usecases import Look, record_look

subscriptions = Subscriptions()


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
