"""Footprints and the access ledger."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, DateTime, Index, Text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from exchange_svc.tables import Base


class Footprint(Base):
    """Who looked at a person's data; the officer's id is for auditors, the person never sees it."""

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
    """`position` has no gaps: a missing row would be found by the chain check."""

    __tablename__ = "ledger_entry"

    position: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    previous: Mapped[str]
    hash: Mapped[str]
    content: Mapped[dict[str, Any]] = mapped_column(JSONB)
