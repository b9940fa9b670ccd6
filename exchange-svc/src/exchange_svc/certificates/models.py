"""Certificates, their history, and the claims on them."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import DateTime, ForeignKey, Index, UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from exchange_svc.certificates.rules.validity import Action, Status, status_on, step
from exchange_svc.tables import Base


class Certificate(Base):
    """One per case and result; holder, face and signed document are encrypted."""

    __tablename__ = "certificate"
    __table_args__ = (
        UniqueConstraint("case_id", "result_index"),
        Index(None, "person_id", "issued_at", "certificate_id"),
        Index(None, "company_id", "issued_at", "certificate_id"),
    )

    certificate_id: Mapped[UUID] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(unique=True)
    type_code: Mapped[str]
    name: Mapped[str]
    case_id: Mapped[UUID]
    case_no: Mapped[str]
    result_index: Mapped[int]
    item_code: Mapped[str]
    item_name: Mapped[str]
    person_id: Mapped[UUID]
    company_id: Mapped[UUID | None]
    issuer_code: Mapped[str] = mapped_column(index=True)
    issuer_name: Mapped[str]
    region_code: Mapped[str]
    issued_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    issued_on: Mapped[date]
    valid_from: Mapped[date]
    valid_to: Mapped[date | None]
    status: Mapped[str] = mapped_column(default=Status.VALID)
    holder_name: Mapped[bytes]
    holder_code: Mapped[bytes]
    face: Mapped[bytes]
    document: Mapped[bytes]
    public_fields: Mapped[dict[str, Any]] = mapped_column(JSONB)
    version: Mapped[int] = mapped_column(default=1)

    def status_on(self, day: date) -> Status:
        return status_on(Status(self.status), self.valid_to, day)

    def move(self, action: Action, day: date) -> None:
        self.status = step(self.status_on(day), action)
        self.version += 1


class CertificateEntry(Base):
    """A change of status with its reason."""

    __tablename__ = "certificate_entry"

    entry_id: Mapped[UUID] = mapped_column(primary_key=True)
    certificate_id: Mapped[UUID] = mapped_column(
        ForeignKey("certificate.certificate_id"), index=True
    )
    action: Mapped[str]
    reason: Mapped[str]
    actor_id: Mapped[UUID]
    at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class Claim(Base):
    """The use of a certificate in a case; the case's department may then read the certificate."""

    __tablename__ = "claim"

    claim_id: Mapped[UUID] = mapped_column(primary_key=True)
    case_id: Mapped[UUID]
    certificate_code: Mapped[str] = mapped_column(index=True)
    case_no: Mapped[str]
    department_code: Mapped[str]
    outcome: Mapped[str]
    reason: Mapped[str | None]
    checked_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
