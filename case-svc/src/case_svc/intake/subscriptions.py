"""Events of `exchange`: a claimed certificate was checked."""

from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from case_svc.intake.usecases.materials import conclude_claim
from chassis.database.sessions import WriteSession
from chassis.subscriptions import Received, Subscriptions

subscriptions = Subscriptions()


class ClaimRead(BaseModel):
    model_config = ConfigDict(extra="ignore")

    claim_id: UUID
    outcome: Literal["valid", "invalid"]
    reason: str | None


@subscriptions.on("exchange.claim_checked.v1", ClaimRead)
async def on_claim_checked(session: WriteSession, event: Received[ClaimRead]) -> None:
    claim = event.data
    valid = claim.outcome == "valid"
    await conclude_claim(session, claim.claim_id, valid=valid, reason=claim.reason)
