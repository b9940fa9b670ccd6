"""Certificates as they are read."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, StringConstraints

from chassis import clock
from exchange_svc.certificates.models import Certificate, CertificateEntry

Reason = Annotated[str, StringConstraints(strip_whitespace=True, min_length=2, max_length=500)]


class CertificateOut(BaseModel):
    """An entry of the holder's list; `type` is the 21-character type code."""

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
    """A change of status, without the officer's name."""

    action: str
    reason: str
    at: datetime


class CertificateDetailOut(CertificateOut):
    """`is_masked` is true for staff; `actions` are those that this actor may take now."""

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
    """Personal only in fields that the type makes public; `reason` explains `unknown`."""

    status: str
    reason: str | None
    type: str | None
    name: str | None
    issuer: str | None
    issued_on: date | None
    valid_to: date | None
    fields: dict[str, Any]


class DocumentOut(BaseModel):
    """A compact JWS (`typ` onenet-certificate+jwt); `keys` is the address of its public key."""

    code: str
    document: str
    keys: str


class StatusChangeIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    reason: Reason


def certificate_out(certificate: Certificate) -> CertificateOut:
    return CertificateOut(**_summary(certificate))


def detail_out(
    certificate: Certificate,
    *,
    face: dict[str, Any],
    is_masked: bool,
    history: Sequence[CertificateEntry],
    actions: list[str],
) -> CertificateDetailOut:
    common = _summary(certificate)
    if is_masked:
        del common["links"]["document"]
    common["links"] |= {name: f"{common['links']['self']}/{name}" for name in actions}
    return CertificateDetailOut(
        **common,
        case_no=certificate.case_no,
        item_name=certificate.item_name,
        issuer=IssuerOut(code=certificate.issuer_code, name=certificate.issuer_name),
        valid_from=certificate.valid_from,
        holder=HolderOut(**face["holder"]),
        fields=face["fields"],
        is_masked=is_masked,
        history=[HistoryOut(action=e.action, reason=e.reason, at=e.at) for e in history],
        actions=actions,
        version=certificate.version,
    )


def verification_out(
    status: str, reason: str | None, certificate: Certificate | None
) -> VerificationOut:
    return VerificationOut(
        status=status,
        reason=reason,
        type=certificate.type_code if certificate else None,
        name=certificate.name if certificate else None,
        issuer=certificate.issuer_name if certificate else None,
        issued_on=certificate.issued_on if certificate else None,
        valid_to=certificate.valid_to if certificate else None,
        fields=certificate.public_fields if certificate else {},
    )


def _summary(certificate: Certificate) -> dict[str, Any]:
    """What the list and the detail have in common."""
    base = f"/api/v1/certificates/{certificate.code}"
    return {
        "code": certificate.code,
        "type": certificate.type_code,
        "name": certificate.name,
        "status": certificate.status_on(clock.today()),
        "issued_on": certificate.issued_on,
        "valid_to": certificate.valid_to,
        "case_id": certificate.case_id,
        "company_id": certificate.company_id,
        "links": {
            "self": base,
            "document": f"{base}/document",
            "verify": f"/api/v1/certificates/verify?code={certificate.code}",
            "case": f"/api/v1/cases/{certificate.case_id}",
        },
    }
