"""Reactions to the life of a case: its applicant is told at each step."""

from uuid import UUID

from pydantic import BaseModel, ConfigDict
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.consumer import Received, Subscriptions
from identity_svc.inbox import usecases

subscriptions = Subscriptions()


class CaseStep(BaseModel):
    model_config = ConfigDict(extra="ignore")

    case_id: UUID
    case_no: str
    person_id: UUID
    item_name: str
    outcome: str | None = None


@subscriptions.on("case.submitted.v1", CaseStep)
@subscriptions.on("case.accepted.v1", CaseStep)
@subscriptions.on("case.correction_requested.v1", CaseStep)
@subscriptions.on("case.not_accepted.v1", CaseStep)
@subscriptions.on("case.decided.v1", CaseStep)
@subscriptions.on("case.finished.v1", CaseStep)
@subscriptions.on("case.returned.v1", CaseStep)
async def on_case_step(session: AsyncSession, event: Received[CaseStep]) -> None:
    """Tell the applicant."""
    await usecases.leave_message(
        session, kind=event.type, happened_at=event.time, **event.data.model_dump()
    )
