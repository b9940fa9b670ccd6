"""The working-day calendar by year and version."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import DateTime
from sqlalchemy.orm import Mapped, mapped_column

from case_svc.tables import Base


class CalendarYear(Base):
    """The version of a year's calendar in force."""

    __tablename__ = "calendar_year"

    year: Mapped[int] = mapped_column(primary_key=True)
    version: Mapped[int]
    source: Mapped[str]
    changed_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    changed_by: Mapped[UUID | None]


class CalendarDay(Base):
    """A day as one calendar version has it; old versions stay, so deadlines can be audited."""

    __tablename__ = "calendar_day"

    day: Mapped[date] = mapped_column("date", primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    is_workday: Mapped[bool]
    name: Mapped[str | None]
    source: Mapped[str]
