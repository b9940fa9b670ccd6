"""Ratings, the rectification a bad one opens, and its history."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import ARRAY, DateTime, ForeignKey, LargeBinary, Text, UniqueConstraint, Uuid
from sqlalchemy.orm import Mapped, mapped_column

from case_svc.ratings.rules import rectification, scale
from case_svc.ratings.rules.rectification import Action, State
from case_svc.tables import Base


class Rating(Base):
    """Department and region are the case's at the time; the rater's words are encrypted."""

    __tablename__ = "rating"
    __table_args__ = (UniqueConstraint("case_id", "service"),)

    rating_id: Mapped[UUID] = mapped_column(primary_key=True)
    case_id: Mapped[UUID] = mapped_column(index=True)
    item_id: Mapped[UUID]
    department_code: Mapped[str]
    region_code: Mapped[str]
    service: Mapped[str]
    satisfaction: Mapped[int]
    tags: Mapped[list[str]] = mapped_column(ARRAY(Text))
    comment: Mapped[bytes | None] = mapped_column(LargeBinary)
    rated_by: Mapped[UUID]
    rated_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), index=True)
    is_valid: Mapped[bool] = mapped_column(default=True)

    @property
    def is_bad(self) -> bool:
        return scale.is_bad(self.satisfaction)


class Rectification(Base):
    """`evaluated` are the officers who had the case in hand; they never see this order."""

    __tablename__ = "rectification"

    rectification_id: Mapped[UUID] = mapped_column(primary_key=True)
    rating_id: Mapped[UUID] = mapped_column(ForeignKey("rating.rating_id"), unique=True)
    case_id: Mapped[UUID]
    case_no: Mapped[str]
    department_code: Mapped[str] = mapped_column(index=True)
    region_code: Mapped[str]
    evaluated: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid))
    state: Mapped[str]
    basis: Mapped[str]
    opened_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    contact_due_on: Mapped[date]
    rectify_due_on: Mapped[date] = mapped_column(index=True)
    call_back_due_on: Mapped[date | None]
    contacted_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    verified_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    verification: Mapped[str | None]
    rectified_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    called_back_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    satisfied: Mapped[bool | None]
    closed_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    version: Mapped[int] = mapped_column(default=1)

    def move(self, action: Action) -> None:
        self.state = rectification.step(State(self.state), action).value
        self.version += 1

    @property
    def actions(self) -> tuple[str, ...]:
        return rectification.allowed(State(self.state))


class RectificationStep(Base):
    """Append-only: who did what and what was said; notes may name people, so they are encrypted."""

    __tablename__ = "rectification_step"

    step_id: Mapped[UUID] = mapped_column(primary_key=True)
    rectification_id: Mapped[UUID] = mapped_column(
        ForeignKey("rectification.rectification_id"), index=True
    )
    action: Mapped[str]
    note: Mapped[bytes | None] = mapped_column(LargeBinary)
    actor_id: Mapped[UUID]
    at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
