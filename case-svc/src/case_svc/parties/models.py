"""Copies of what `identity` owns, each with the version it was copied at."""

from datetime import date
from uuid import UUID

from sqlalchemy import LargeBinary
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from case_svc.tables import Base


class Person(Base):
    """Name and numbers are encrypted."""

    __tablename__ = "person"

    person_id: Mapped[UUID] = mapped_column(primary_key=True)
    level: Mapped[str]
    name: Mapped[bytes | None] = mapped_column(LargeBinary)
    id_number: Mapped[bytes | None] = mapped_column(LargeBinary)
    mobile: Mapped[bytes | None] = mapped_column(LargeBinary)
    version: Mapped[int]


class Company(Base):
    """Name and credit code are public."""

    __tablename__ = "company"

    company_id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str]
    uscc: Mapped[str]
    legal_person_id: Mapped[UUID] = mapped_column(index=True)
    active: Mapped[bool]
    version: Mapped[int]


class Mandate(Base):
    """Who may act for whom, for which items, from when until when (both days inclusive)."""

    __tablename__ = "mandate"

    mandate_id: Mapped[UUID] = mapped_column(primary_key=True)
    company_id: Mapped[UUID | None] = mapped_column(index=True)
    grantor_person_id: Mapped[UUID | None]
    grantee_person_id: Mapped[UUID] = mapped_column(index=True)
    powers: Mapped[list[str]] = mapped_column(JSONB)
    item_codes: Mapped[list[str]] = mapped_column(JSONB)
    valid_from: Mapped[date]
    valid_to: Mapped[date]
    status: Mapped[str]
    version: Mapped[int]


class Department(Base):
    __tablename__ = "department"

    department_code: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    region_code: Mapped[str]
    active: Mapped[bool]
    version: Mapped[int]


class StaffMember(Base):
    """The name is encrypted and shown to colleagues only."""

    __tablename__ = "staff_member"

    staff_id: Mapped[UUID] = mapped_column(primary_key=True)
    department_code: Mapped[str | None] = mapped_column(index=True)
    region_code: Mapped[str]
    roles: Mapped[list[str]] = mapped_column(JSONB)
    post: Mapped[str | None]
    name: Mapped[bytes | None] = mapped_column(LargeBinary)
    active: Mapped[bool]
    version: Mapped[int]
