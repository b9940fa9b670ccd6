"""Requests with their answers, and the grants that follow from them."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import DateTime, ForeignKey
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from exchange_svc.tables import Base

_MOMENT = DateTime(timezone=True)
ACTIVE, REVOKED = "active", "revoked"


class GrantRequest(Base):
    """`reply_workdays` is the time for the next answer, counted from `state_since`."""

    __tablename__ = "grant_request"

    request_id: Mapped[UUID] = mapped_column(primary_key=True)
    resource_code: Mapped[str] = mapped_column(ForeignKey("resource.code"), index=True)
    provider_code: Mapped[str] = mapped_column(index=True)
    department_code: Mapped[str] = mapped_column(index=True)
    purpose: Mapped[str]
    legal_basis: Mapped[str]
    scene: Mapped[str]
    fields: Mapped[list[str]] = mapped_column(JSONB)
    quota_per_day: Mapped[int]
    valid_from: Mapped[date]
    valid_to: Mapped[date]
    state: Mapped[str]
    state_since: Mapped[datetime] = mapped_column(_MOMENT)
    reply_workdays: Mapped[int | None]
    submitted_by: Mapped[UUID]
    answered_by: Mapped[UUID | None]
    reason: Mapped[str | None]
    version: Mapped[int]


class Grant(Base):
    __tablename__ = "grant"

    grant_id: Mapped[UUID] = mapped_column(primary_key=True)
    request_id: Mapped[UUID] = mapped_column(ForeignKey("grant_request.request_id"), unique=True)
    resource_code: Mapped[str] = mapped_column(ForeignKey("resource.code"), index=True)
    provider_code: Mapped[str] = mapped_column(index=True)
    department_code: Mapped[str] = mapped_column(index=True)
    purpose: Mapped[str]
    fields: Mapped[list[str]] = mapped_column(JSONB)
    quota_per_day: Mapped[int]
    valid_from: Mapped[date]
    valid_to: Mapped[date]
    status: Mapped[str]
    reason: Mapped[str | None]
    granted_at: Mapped[datetime] = mapped_column(_MOMENT)
    version: Mapped[int]
