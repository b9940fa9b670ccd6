"""The public shapes of certificates."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, StringConstraints

from chassis import clock
from exchange_svc.certificates.models import Certificate, CertificateEntry

Reason = Annotated[str, StringConstraints(strip_whitespace=True, min_length=2, max_length=500)]


class CertificateOut(BaseModel):
    """A line of the holder's list; `type` is the 21-character type code."""

    code: str
    type: str
    name: str
    status: str
    issued_on: date
    valid_to: date | None
    case_id: UUID
    company_id: UUID | None
    links: dict[str, str]


class HolderOut(BaseModel):
    name: str
    code: str


class IssuerOut(BaseModel):
    code: str
    name: str


class HistoryOut(BaseModel):
    """A change of status; the officer stays unnamed."""

    action: str
    reason: str
    at: datetime


class CertificateDetailOut(CertificateOut):
    """`is_masked` for staff; `actions` are those this actor may take now."""

    case_no: str
    item_name: str
    issuer: IssuerOut
    valid_from: date
    holder: HolderOut
    fields: dict[str, Any]
    is_masked: bool
    history: list[HistoryOut]
    actions: list[str]
    version: int


class VerificationOut(BaseModel):
    """Nothing personal beyond what the type allows; `reason` says why it is unknown."""

    status: str
    reason: str | None
    type: str | None
    name: str | None
    issuer: str | None
    issued_on: date | None
    valid_to: date | None
    fields: dict[str, Any]


class DocumentOut(BaseModel):
    """A compact JWS (`typ` onenet-certificate+jwt); `keys` is where its key stands."""

    code: str
    document: str
    keys: str


class StatusChangeIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    reason: Reason


def summary(one: Certificate) -> dict[str, Any]:
    """What the list and the detail have in common."""
    base = f"/api/v1/certificates/{one.code}"
    return {
        "code": one.code,
        "type": one.type_code,
        "name": one.name,
        "status": one.status_on(clock.today()),
        "issued_on": one.issued_on,
        "valid_to": one.valid_to,
        "case_id": one.case_id,
        "company_id": one.company_id,
        "links": {
            "self": base,
            "document": f"{base}/document",
            "verify": f"/api/v1/certificates/verify?code={one.code}",
            "case": f"/api/v1/cases/{one.case_id}",
        },
    }


def detail(
    one: Certificate,
    *,
    face: dict[str, Any],
    is_masked: bool,
    history: Sequence[CertificateEntry],
    actions: list[str],
) -> CertificateDetailOut:
    common = summary(one)
    if is_masked:
        del common["links"]["document"]
    common["links"] |= {name: f"{common['links']['self']}/{name}" for name in actions}
    return CertificateDetailOut(
        **common,
        case_no=one.case_no,
        item_name=one.item_name,
        issuer=IssuerOut(code=one.issuer_code, name=one.issuer_name),
        valid_from=one.valid_from,
        holder=HolderOut(**face["holder"]),
        fields=face["fields"],
        is_masked=is_masked,
        history=[HistoryOut(action=e.action, reason=e.reason, at=e.at) for e in history],
        actions=actions,
        version=one.version,
    )


def verification(status: str, reason: str | None, found: Certificate | None) -> VerificationOut:
    return VerificationOut(
        status=status,
        reason=reason,
        type=found.type_code if found else None,
        name=found.name if found else None,
        issuer=found.issuer_name if found else None,
        issued_on=found.issued_on if found else None,
        valid_to=found.valid_to if found else None,
        fields=found.public_fields if found else {},
    )
