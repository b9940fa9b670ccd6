"""Footprints, the access ledger, and what a question needs: live cases and used quotas."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, DateTime, ForeignKey, Index, Text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from exchange_svc.grants import models as grants  # noqa: F401 - the table of the foreign key
from exchange_svc.tables import Base


class Footprint(Base):
    """An access to a person's data; the officer's id is shown to auditors, never to the person."""

    __tablename__ = "footprint"
    __table_args__ = (Index(None, "person_id", "at", "footprint_id"),)

    footprint_id: Mapped[UUID] = mapped_column(primary_key=True)
    person_id: Mapped[UUID]
    at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    department_code: Mapped[str | None]
    department_name: Mapped[str | None]
    post: Mapped[str | None]
    actor_id: Mapped[UUID | None]
    fields: Mapped[list[str]] = mapped_column(ARRAY(Text))
    case_id: Mapped[UUID | None]
    case_no: Mapped[str | None]
    ground: Mapped[str]


class LedgerEntry(Base):
    """Positions have no gaps, so the chain check detects a missing row."""

    __tablename__ = "ledger_entry"

    position: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    previous: Mapped[str]
    hash: Mapped[str]
    content: Mapped[dict[str, Any]] = mapped_column(JSONB)


class CaseLink(Base):
    """A copy of a case: a question must concern the subject of a live case of its department."""

    __tablename__ = "case_link"

    case_id: Mapped[UUID] = mapped_column(primary_key=True)
    case_no: Mapped[str] = mapped_column(index=True)
    department_code: Mapped[str]
    person_id: Mapped[UUID]
    company_id: Mapped[UUID | None]
    status: Mapped[str]
    version: Mapped[int]


class QuotaUse(Base):
    """Questions asked under a grant on a day."""

    __tablename__ = "quota_use"

    grant_id: Mapped[UUID] = mapped_column(ForeignKey("grant.grant_id"), primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    used: Mapped[int]
