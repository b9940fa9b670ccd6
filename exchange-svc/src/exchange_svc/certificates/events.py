"""The events that this room publishes."""

from datetime import date
from typing import ClassVar, Literal
from uuid import UUID

from chassis.events import Event


class CertificateIssued(Event):
    """Published when a certificate is issued; case-svc then moves the case to delivery."""

    type: ClassVar[str] = "exchange.certificate_issued.v1"
    key: ClassVar[str] = "certificate_id"

    certificate_id: UUID
    code: str
    case_id: UUID
    certificate_type: str
    name: str
    person_id: UUID
    company_id: UUID | None
    issued_on: date
    valid_to: date | None
    version: int


class ClaimChecked(Event):
    """Published when a certificate claimed as a material has been checked."""

    type: ClassVar[str] = "exchange.claim_checked.v1"
    key: ClassVar[str] = "claim_id"

    claim_id: UUID
    case_id: UUID
    material_id: str
    certificate_code: str
    outcome: Literal["valid", "invalid"]
    reason: Literal["unknown", "wrong_type", "suspended", "revoked", "expired"] | None
    version: int
