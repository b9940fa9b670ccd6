"""Decisions that grant something, and certificates claimed as materials."""

from datetime import date
from typing import Any
from uuid import UUID

from pydantic import BaseModel
from sqlalchemy.ext.asyncio import AsyncSession

from chassis import clock
from chassis.consumer import Received, Subscriptions
from exchange_svc.certificates.usecases.claiming import Claimed, check_claim
from exchange_svc.certificates.usecases.issuing import Decision, Result, issue_certificates

subscriptions = Subscriptions()


class GrantedResult(BaseModel):
    name: str
    type: str = "other"
    certificate_type: str | None = None
    validity_months: int | None = None
    public_fields: list[str] = []


class CaseDecided(BaseModel):
    case_id: UUID
    case_no: str
    item_name: str
    item_code: str
    department_code: str
    department_name: str
    region_code: str
    person_id: UUID
    company_id: UUID | None
    outcome: str
    decided_on: date
    results: list[GrantedResult]
    fields: dict[str, Any] = {}


class CertificateClaimed(BaseModel):
    case_id: UUID
    case_no: str
    item_name: str
    claim_id: UUID
    material_id: str
    certificate_code: str
    certificate_type: str | None
    person_id: UUID
    company_id: UUID | None
    department_code: str


@subscriptions.on("case.decided.v1", CaseDecided)
async def on_case_decided(session: AsyncSession, event: Received[CaseDecided]) -> None:
    told = event.data
    if told.outcome != "granted":
        return
    face = told.fields | (event.sealed or {}).get("fields", {})
    results = tuple(
        Result(
            name=one.name,
            type=one.type,
            certificate_type=one.certificate_type,
            validity_months=one.validity_months,
            public_fields=tuple(one.public_fields),
        )
        for one in told.results
    )
    await issue_certificates(
        session,
        Decision(
            case_id=told.case_id,
            case_no=told.case_no,
            item_name=told.item_name,
            item_code=told.item_code,
            person_id=told.person_id,
            company_id=told.company_id,
            department_code=told.department_code,
            department_name=told.department_name,
            region_code=told.region_code,
            decided_on=told.decided_on,
            results=results,
            face=face,
        ),
    )


@subscriptions.on("case.certificate_claimed.v1", CertificateClaimed)
async def on_certificate_claimed(
    session: AsyncSession, event: Received[CertificateClaimed]
) -> None:
    # The day of the claim decides, not the day this service gets to it.
    day = event.time.astimezone(clock.SHANGHAI).date()
    await check_claim(session, Claimed(**event.data.model_dump(), on=day))
