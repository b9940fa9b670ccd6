"""Issue certificates on decisions, and check certificates claimed as materials."""

from datetime import date
from typing import Any
from uuid import UUID

from pydantic import BaseModel

from chassis import clock
from chassis.database.sessions import WriteSession
from chassis.subscriptions import Received, Subscriptions
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
async def on_case_decided(session: WriteSession, event: Received[CaseDecided]) -> None:
    decided = event.data
    if decided.outcome != "granted":
        return
    results = tuple(
        Result(
            name=result.name,
            type=result.type,
            certificate_type=result.certificate_type,
            validity_months=result.validity_months,
            public_fields=tuple(result.public_fields),
        )
        for result in decided.results
    )
    decision = Decision(
        case_id=decided.case_id,
        case_no=decided.case_no,
        item_name=decided.item_name,
        item_code=decided.item_code,
        person_id=decided.person_id,
        company_id=decided.company_id,
        department_code=decided.department_code,
        department_name=decided.department_name,
        region_code=decided.region_code,
        decided_on=decided.decided_on,
        results=results,
        face=decided.fields | (event.sealed or {}).get("fields", {}),
    )
    await issue_certificates(session, decision)


@subscriptions.on("case.certificate_claimed.v1", CertificateClaimed)
async def on_certificate_claimed(
    session: WriteSession, event: Received[CertificateClaimed]
) -> None:
    # Validity is checked for the day of the claim, not the day of processing.
    day = event.time.astimezone(clock.SHANGHAI).date()
    await check_claim(session, Claimed(**event.data.model_dump(), on=day))
