"""What `exchange` tells: claims checked, certificates issued."""

from datetime import date
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict
from sqlalchemy.ext.asyncio import AsyncSession

from case_svc.cases.usecases.claims import settle_claim
from case_svc.cases.usecases.deciding import Issued, keep_certificate
from chassis.consumer import Received, Subscriptions

subscriptions = Subscriptions()


class ClaimRead(BaseModel):
    model_config = ConfigDict(extra="ignore")

    claim_id: UUID
    outcome: Literal["valid", "invalid"]
    reason: str | None


class CertificateRead(BaseModel):
    model_config = ConfigDict(extra="ignore")

    certificate_id: UUID
    code: str
    case_id: UUID
    certificate_type: str
    name: str
    issued_on: date
    valid_to: date | None


@subscriptions.on("exchange.claim_checked.v1", ClaimRead)
async def on_claim_checked(session: AsyncSession, event: Received[ClaimRead]) -> None:
    claim = event.data
    valid = claim.outcome == "valid"
    await settle_claim(session, claim.claim_id, valid=valid, reason=claim.reason)


@subscriptions.on("exchange.certificate_issued.v1", CertificateRead)
async def on_certificate_issued(session: AsyncSession, event: Received[CertificateRead]) -> None:
    told = event.data
    issued = Issued(
        certificate_id=told.certificate_id,
        code=told.code,
        type=told.certificate_type,
        name=told.name,
        issued_on=told.issued_on,
        valid_to=told.valid_to,
    )
    await keep_certificate(session, told.case_id, issued)
