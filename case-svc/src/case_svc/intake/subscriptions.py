"""Events of `exchange`: a claimed certificate was checked."""

from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict
from sqlalchemy.ext.asyncio import AsyncSession

from case_svc.intake.usecases.materials import conclude_claim
from chassis.consumer import Received, Subscriptions

subscriptions = Subscriptions()


class ClaimRead(BaseModel):
    model_config = ConfigDict(extra="ignore")

    claim_id: UUID
    outcome: Literal["valid", "invalid"]
    reason: str | None


@subscriptions.on("exchange.claim_checked.v1", ClaimRead)
async def on_claim_checked(session: AsyncSession, event: Received[ClaimRead]) -> None:
    claim = event.data
    valid = claim.outcome == "valid"
    await conclude_claim(session, claim.claim_id, valid=valid, reason=claim.reason)
