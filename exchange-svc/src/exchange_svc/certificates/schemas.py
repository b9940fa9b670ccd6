"""The public shapes of certificates."""

from datetime import date
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field


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


class CertificateDetailOut(CertificateOut):
    case_no: str
    issuer: IssuerOut
    holder: HolderOut
    fields: dict[str, Any]
    version: int


class VerificationOut(BaseModel):
    """Nothing personal beyond what the type allows."""

    status: str
    reason: str | None
    type: str | None
    name: str | None
    issuer: str | None
    issued_on: date | None
    valid_to: date | None
    fields: dict[str, str]


class DocumentOut(BaseModel):
    """A compact JWS; its key stands in /.well-known/jwks.json."""

    code: str
    document: str


class StatusChangeIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    reason: str = Field(min_length=2, max_length=500)
