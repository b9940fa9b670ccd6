"""Reactions to events of cases: each step gives the applicant a message."""

from collections.abc import Sequence
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


@subscriptions.on_all("case.submitted.v1", CaseStep)
@subscriptions.on_all("case.accepted.v1", CaseStep)
@subscriptions.on_all("case.correction_requested.v1", CaseStep)
@subscriptions.on_all("case.not_accepted.v1", CaseStep)
@subscriptions.on_all("case.decided.v1", CaseStep)
@subscriptions.on_all("case.finished.v1", CaseStep)
@subscriptions.on_all("case.returned.v1", CaseStep)
async def on_case_steps(session: AsyncSession, events: Sequence[Received[CaseStep]]) -> None:
    """Write each applicant a message."""
    await usecases.add_messages(
        session,
        [
            {"kind": event.type, "happened_at": event.time, **event.data.model_dump()}
            for event in events
        ],
    )
