"""Copies of what identity owns; personal columns are encrypted with this service's own keys."""

from datetime import date
from uuid import UUID

from sqlalchemy import Index
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from exchange_svc.tables import Base


class Person(Base):
    __tablename__ = "person_copy"

    person_id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[bytes]
    id_number: Mapped[bytes]
    version: Mapped[int]


class Company(Base):
    __tablename__ = "company_copy"

    company_id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str]
    uscc: Mapped[str]
    legal_person_id: Mapped[UUID]
    active: Mapped[bool]
    version: Mapped[int]


class Mandate(Base):
    """Who may act for a company; valid on both dates, too."""

    __tablename__ = "mandate_copy"
    __table_args__ = (Index(None, "grantee_person_id"),)

    mandate_id: Mapped[UUID] = mapped_column(primary_key=True)
    company_id: Mapped[UUID | None]
    grantee_person_id: Mapped[UUID]
    view: Mapped[bool]
    item_codes: Mapped[list[str]] = mapped_column(JSONB)
    valid_from: Mapped[date]
    valid_to: Mapped[date]
    status: Mapped[str]
    version: Mapped[int]


class Department(Base):
    __tablename__ = "department_copy"

    code: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    version: Mapped[int]
