"""Facts this room publishes."""

from datetime import date
from typing import ClassVar, Literal
from uuid import UUID

from chassis.events import Event


class CertificateIssued(Event):
    """A certificate stands; the case it came from can be delivered."""

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
    """A certificate claimed as a material was checked for its case."""

    type: ClassVar[str] = "exchange.claim_checked.v1"
    key: ClassVar[str] = "claim_id"

    claim_id: UUID
    case_id: UUID
    material_id: str
    certificate_code: str
    outcome: Literal["valid", "invalid"]
    reason: Literal["unknown", "wrong_type", "suspended", "revoked", "expired"] | None
    version: int
