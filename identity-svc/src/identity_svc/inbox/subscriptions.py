"""Reactions to events of cases: each step gives the applicant a message."""

from collections.abc import Sequence
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from chassis.database.sessions import WriteSession
from chassis.subscriptions import Received, Subscriptions
from identity_svc.inbox import usecases

subscriptions = Subscriptions()


class CaseStep(BaseModel):
    model_config = ConfigDict(extra="ignore")

    case_id: UUID
    case_no: str
    person_id: UUID
    item_name: str
    outcome: str | None = None


@subscriptions.on_batch("case.submitted.v1", CaseStep)
@subscriptions.on_batch("case.accepted.v1", CaseStep)
@subscriptions.on_batch("case.correction_requested.v1", CaseStep)
@subscriptions.on_batch("case.not_accepted.v1", CaseStep)
@subscriptions.on_batch("case.decided.v1", CaseStep)
@subscriptions.on_batch("case.finished.v1", CaseStep)
@subscriptions.on_batch("case.returned.v1", CaseStep)
async def on_case_steps(session: WriteSession, events: Sequence[Received[CaseStep]]) -> None:
    """Write each applicant a message."""
    await usecases.add_messages(
        session,
        [
            {"kind": event.type, "happened_at": event.time, **event.data.model_dump()}
            for event in events
        ],
    )
