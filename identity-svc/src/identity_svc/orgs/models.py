"""Tables of this room. Names and numbers of natural persons are encrypted columns."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import DateTime, ForeignKey, Text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from chassis import clock
from identity_svc.orgs.rules.codes import level_of, parent_of
from identity_svc.tables import Base


class AccountKind(StrEnum):
    CITIZEN = "citizen"
    STAFF = "staff"


class Region(Base):
    __tablename__ = "region"

    code: Mapped[str] = mapped_column(Text, primary_key=True)
    name: Mapped[str] = mapped_column(Text)
    level: Mapped[str] = mapped_column(Text)
    parent_code: Mapped[str | None] = mapped_column(Text, index=True)
    version: Mapped[int] = mapped_column(default=1)

    @classmethod
    def named(cls, code: str, name: str) -> "Region":
        return cls(
            code=code, name=name, level=level_of(code), parent_code=parent_of(code), version=1
        )


class Department(Base):
    __tablename__ = "department"

    code: Mapped[str] = mapped_column(Text, primary_key=True)
    name: Mapped[str] = mapped_column(Text)
    region_code: Mapped[str] = mapped_column(Text, index=True)
    active: Mapped[bool] = mapped_column(default=True)
    version: Mapped[int] = mapped_column(default=1)

    def change(self, values: dict[str, Any]) -> bool:
        """Set the values; True and a new version when any of them differed."""
        return _change(self, values)


class Account(Base):
    """The account a person or a member of staff signs in to, with the same id."""

    __tablename__ = "account"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(Text)
    password_hash: Mapped[str] = mapped_column(Text)
    active: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), default=clock.now)


class SignInName(Base):
    """A keyed hash of a username, mobile or identity number.

    A mobile number may belong to a citizen's and to a staff account, but to one of each kind.
    """

    __tablename__ = "sign_in_name"

    digest: Mapped[bytes] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(Text, primary_key=True)
    account_id: Mapped[UUID] = mapped_column(ForeignKey("account.id"), index=True)


class Staff(Base):
    __tablename__ = "staff"

    id: Mapped[UUID] = mapped_column(ForeignKey("account.id"), primary_key=True)
    username: Mapped[str | None] = mapped_column(Text)
    name_box: Mapped[bytes]
    mobile_box: Mapped[bytes | None]
    department_code: Mapped[str | None] = mapped_column(ForeignKey("department.code"), index=True)
    region_code: Mapped[str] = mapped_column(Text)
    roles: Mapped[list[str]] = mapped_column(ARRAY(Text))
    post: Mapped[str | None] = mapped_column(Text)
    active: Mapped[bool] = mapped_column(default=True)
    version: Mapped[int] = mapped_column(default=1)

    def change(self, values: dict[str, Any]) -> bool:
        """Set the values; True and a new version when any of them differed."""
        return _change(self, values)


def _change(row: Department | Staff, values: dict[str, Any]) -> bool:
    different = {name: value for name, value in values.items() if getattr(row, name) != value}
    for name, value in different.items():
        setattr(row, name, value)
    row.version += bool(different)
    return bool(different)
