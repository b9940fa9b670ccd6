"""Tables of this room; names and numbers are encrypted, and found by keyed hashes."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import DateTime, ForeignKey, Text
from sqlalchemy.orm import Mapped, mapped_column

from chassis import clock
from identity_svc.people.errors import NotHigher
from identity_svc.tables import Base


class Assurance(StrEnum):
    """L2 name and mobile number, L3 checked in person, L4 digital certificate."""

    REAL_NAME = "L2"
    REAL_PERSON = "L3"
    CERTIFICATE = "L4"


class Person(Base):
    __tablename__ = "person"

    id: Mapped[UUID] = mapped_column(ForeignKey("account.id"), primary_key=True)
    name_box: Mapped[bytes]
    id_number_box: Mapped[bytes]
    id_number_digest: Mapped[bytes] = mapped_column(unique=True)
    mobile_box: Mapped[bytes]
    mobile_digest: Mapped[bytes] = mapped_column(unique=True)
    level: Mapped[str] = mapped_column(Text, default=Assurance.REAL_NAME)
    version: Mapped[int] = mapped_column(default=1)
    registered_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), default=clock.now)

    def raise_to(self, level: Assurance) -> None:
        if level <= self.level:
            raise NotHigher(level=self.level)
        self.level = level
        self.version += 1


class AssuranceCheck(Base):
    """Who checked a person's papers, when, and why the level was raised."""

    __tablename__ = "assurance_check"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=clock.new_id)
    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"), index=True)
    level: Mapped[str] = mapped_column(Text)
    ground: Mapped[str] = mapped_column(Text)
    staff_id: Mapped[UUID]
    department_code: Mapped[str | None] = mapped_column(Text)
    checked_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), default=clock.now)


class Company(Base):
    __tablename__ = "company"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(Text)
    uscc: Mapped[str] = mapped_column(Text, unique=True)
    legal_person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"), index=True)
    active: Mapped[bool] = mapped_column(default=True)
    version: Mapped[int] = mapped_column(default=1)
    registered_by: Mapped[UUID]
    registered_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), default=clock.now)
