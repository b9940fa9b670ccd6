"""Warnings and cards: one row per case (or rectification), rule and level, written once."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import DateTime, LargeBinary, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from case_svc.tables import Base


class SupervisionWarning(Base):
    """`subject_id` is the case, or the rectification for E01; `due_on` is the clock that spoke.

    A clock that moved (extension, special procedure) may speak again: the date is in the key.
    """

    __tablename__ = "supervision_warning"
    __table_args__ = (
        UniqueConstraint(
            "subject_id", "rule", "level", "due_on", postgresql_nulls_not_distinct=True
        ),
    )

    warning_id: Mapped[UUID] = mapped_column(primary_key=True)
    subject_id: Mapped[UUID]
    case_id: Mapped[UUID]
    case_no: Mapped[str]
    department_code: Mapped[str]
    region_code: Mapped[str]
    rule: Mapped[str]
    level: Mapped[str]
    due_on: Mapped[date | None]
    written_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), index=True)
    answer: Mapped[bytes | None] = mapped_column(LargeBinary)
    answered_by: Mapped[UUID | None]
    answered_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
