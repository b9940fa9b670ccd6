"""The tables of a case; `Case.move` is the only way its status changes.

New rows name their case by `case=`, so that one flush writes both in the right order.
"""

from collections.abc import Iterable
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    DateTime,
    ForeignKey,
    Index,
    LargeBinary,
    Text,
    literal_column,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.ext.hybrid import hybrid_property
from sqlalchemy.orm import Mapped, mapped_column, relationship

from case_svc.cases.rules import lifecycle
from case_svc.cases.rules.lifecycle import PRESENT, Action, State, TaskStatus
from case_svc.tables import Base

_MOMENT = DateTime(timezone=True)
# The conditions of the partial indexes.
_TASK_PRESENT = text(f"status IN ({', '.join(repr(str(status)) for status in PRESENT)})")
MATERIAL_PRESENT = "replaced_at IS NULL"


def is_one_of(column: Mapped[str], words: Iterable[str]) -> ColumnElement[bool]:
    """Words and not values, so that PostgreSQL recognises the condition of a partial index."""
    return column.in_([literal_column(f"'{word}'") for word in words])


class Case(Base):
    """What was applied for, by whom, where it stands; form and answers are encrypted JSON."""

    __tablename__ = "case_file"
    __table_args__ = (
        Index("ix_case_file_person", "person_id", "case_id"),
        Index("ix_case_file_department", "department_code", "region_code", "case_id"),
    )

    case_id: Mapped[UUID] = mapped_column(primary_key=True)
    case_no: Mapped[str | None] = mapped_column(unique=True)
    query_code: Mapped[bytes | None] = mapped_column(LargeBinary)
    item_id: Mapped[UUID] = mapped_column(index=True)
    item_version: Mapped[int]
    item_code: Mapped[str]
    item_name: Mapped[str]
    task_code: Mapped[str | None]
    task_type: Mapped[str]
    project_type: Mapped[str]
    department_code: Mapped[str]
    department_name: Mapped[str]
    region_code: Mapped[str]
    region_name: Mapped[str]
    person_id: Mapped[UUID]
    company_id: Mapped[UUID | None] = mapped_column(index=True)
    applicant_type: Mapped[str]
    status: Mapped[str] = mapped_column(index=True)
    step: Mapped[str | None]
    draft: Mapped[bytes | None] = mapped_column(LargeBinary)
    form: Mapped[bytes | None] = mapped_column(LargeBinary)
    answers: Mapped[bytes | None] = mapped_column(LargeBinary)
    correction: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    non_acceptance: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    extension: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    decision: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    outcome: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(_MOMENT)
    submitted_at: Mapped[datetime | None] = mapped_column(_MOMENT, index=True)
    received_at: Mapped[datetime | None] = mapped_column(_MOMENT)
    accepted_at: Mapped[datetime | None] = mapped_column(_MOMENT, index=True)
    accepted_by: Mapped[UUID | None]
    decided_at: Mapped[datetime | None] = mapped_column(_MOMENT, index=True)
    decided_by: Mapped[UUID | None]
    ended_at: Mapped[datetime | None] = mapped_column(_MOMENT, index=True)
    # The services the applicant has rated, repeated here so that no view has to look them up.
    rated: Mapped[list[str]] = mapped_column(ARRAY(Text), default=list, server_default="{}")
    version: Mapped[int] = mapped_column(default=1)

    @property
    def state(self) -> State:
        return State(self.status)

    @property
    def is_immediate(self) -> bool:
        return self.project_type == "immediate"

    def move(self, action: Action) -> None:
        """Take the step or raise IllegalMove; nothing changes then."""
        self.status = lifecycle.step(self.state, action)
        self.version += 1


class CaseMaterial(Base):
    """A piece the applicant supplied, claimed or promised; replaced ones stay for the record."""

    __tablename__ = "case_material"
    __table_args__ = (
        Index(
            "uq_case_material_present",
            "case_id",
            "material_id",
            unique=True,
            postgresql_where=text(MATERIAL_PRESENT),
        ),
    )

    case_material_id: Mapped[UUID] = mapped_column(primary_key=True)
    case_id: Mapped[UUID] = mapped_column(ForeignKey("case_file.case_id"))
    case: Mapped[Case] = relationship(lazy="raise")
    material_id: Mapped[str]
    name: Mapped[str]
    state: Mapped[str]
    required: Mapped[bool]
    file_id: Mapped[UUID | None] = mapped_column(index=True)
    certificate_code: Mapped[str | None]
    certificate_type: Mapped[str | None]
    claim_id: Mapped[UUID | None] = mapped_column(unique=True)
    reason: Mapped[str | None]
    promised_until: Mapped[date | None] = mapped_column(index=True)
    given_at: Mapped[datetime] = mapped_column(_MOMENT)
    replaced_at: Mapped[datetime | None] = mapped_column(_MOMENT)

    @hybrid_property
    def is_present(self) -> bool:
        return self.replaced_at is None

    @is_present.inplace.expression
    @classmethod
    def _is_present(cls) -> ColumnElement[bool]:
        return cls.replaced_at.is_(None)


class CaseEntry(Base):
    """The history of a case: one row for each move, and for what else the parties should know."""

    __tablename__ = "case_entry"
    __table_args__ = (Index("ix_case_entry_case", "case_id", "sequence", unique=True),)

    entry_id: Mapped[UUID] = mapped_column(primary_key=True)
    case_id: Mapped[UUID] = mapped_column(ForeignKey("case_file.case_id"))
    case: Mapped[Case] = relationship(lazy="raise")
    sequence: Mapped[int]
    action: Mapped[str]
    from_status: Mapped[str | None]
    to_status: Mapped[str]
    step: Mapped[str | None]
    actor_kind: Mapped[str]
    actor_id: Mapped[UUID | None]
    department: Mapped[str | None]
    post: Mapped[str | None]
    note: Mapped[str | None]
    at: Mapped[datetime] = mapped_column(_MOMENT)


class CaseTask(Base):
    """A step of a case waiting to be finished by someone of `department_code`.

    `opened_to` names who goes on with it without claiming first; until then all see it.
    """

    __tablename__ = "case_task"
    __table_args__ = (
        Index("uq_case_task_present", "case_id", unique=True, postgresql_where=_TASK_PRESENT),
        # The queues are read in the order of one of these.
        Index(
            "ix_case_task_pool",
            "department_code",
            "due_on",
            "task_id",
            postgresql_where=_TASK_PRESENT,
        ),
        Index("ix_case_task_due", "due_on", "task_id", postgresql_where=_TASK_PRESENT),
        Index(
            "ix_case_task_opened_to", "opened_to", postgresql_where=text("opened_to IS NOT NULL")
        ),
        Index(
            "ix_case_task_done",
            "done_by",
            "done_at",
            "task_id",
            postgresql_where=text(f"status = '{TaskStatus.DONE}'"),
        ),
    )

    task_id: Mapped[UUID] = mapped_column(primary_key=True)
    case_id: Mapped[UUID] = mapped_column(ForeignKey("case_file.case_id"), index=True)
    case: Mapped[Case] = relationship(lazy="raise")
    step: Mapped[str]
    stage: Mapped[str]
    name: Mapped[str]
    post: Mapped[str | None]
    checks: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    limit_value: Mapped[int]
    limit_unit: Mapped[str]
    department_code: Mapped[str]
    region_code: Mapped[str]
    status: Mapped[str]
    opened_to: Mapped[UUID | None]
    holder_id: Mapped[UUID | None] = mapped_column(index=True)
    opened_at: Mapped[datetime] = mapped_column(_MOMENT)
    claimed_at: Mapped[datetime | None] = mapped_column(_MOMENT)
    due_on: Mapped[date]
    due_at: Mapped[datetime] = mapped_column(_MOMENT)
    done_at: Mapped[datetime | None] = mapped_column(_MOMENT)
    done_by: Mapped[UUID | None]
    outcome: Mapped[str | None]
    note: Mapped[str | None]

    @hybrid_property
    def is_present(self) -> bool:
        return self.status in PRESENT

    @is_present.inplace.expression
    @classmethod
    def _is_present(cls) -> ColumnElement[bool]:
        return is_one_of(cls.status, PRESENT)


class CaseOpinion(Base):
    """What a reviewer thought, with the checks of the step."""

    __tablename__ = "case_opinion"

    opinion_id: Mapped[UUID] = mapped_column(primary_key=True)
    case_id: Mapped[UUID] = mapped_column(ForeignKey("case_file.case_id"), index=True)
    task_id: Mapped[UUID] = mapped_column(ForeignKey("case_task.task_id"))
    step: Mapped[str]
    outcome: Mapped[str]
    opinion: Mapped[str]
    checks: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    officer_id: Mapped[UUID]
    department_code: Mapped[str | None]
    post: Mapped[str | None]
    at: Mapped[datetime] = mapped_column(_MOMENT)


class CaseClock(Base):
    """One legal or promised period; `calendar` names the calendar versions it was computed with."""

    __tablename__ = "case_clock"
    __table_args__ = (
        Index(
            "ix_case_clock_running", "kind", "due_at", postgresql_where=text("stopped_at IS NULL")
        ),
    )

    clock_id: Mapped[UUID] = mapped_column(primary_key=True)
    case_id: Mapped[UUID] = mapped_column(ForeignKey("case_file.case_id"), index=True)
    case: Mapped[Case] = relationship(lazy="raise")
    kind: Mapped[str]
    unit: Mapped[str]
    value: Mapped[int]
    extension: Mapped[int] = mapped_column(default=0)
    started_at: Mapped[datetime] = mapped_column(_MOMENT)
    due_on: Mapped[date]
    due_at: Mapped[datetime] = mapped_column(_MOMENT)
    provisional: Mapped[bool]
    calendar: Mapped[str]
    stopped_at: Mapped[datetime | None] = mapped_column(_MOMENT)


class CaseInterval(Base):
    """A special procedure: time that is not counted (许可法 art 45)."""

    __tablename__ = "case_interval"

    interval_id: Mapped[UUID] = mapped_column(primary_key=True)
    case_id: Mapped[UUID] = mapped_column(ForeignKey("case_file.case_id"), index=True)
    kind: Mapped[str]
    reason: Mapped[str]
    expected_days: Mapped[int]
    started_at: Mapped[datetime] = mapped_column(_MOMENT)
    started_by: Mapped[UUID]
    ended_at: Mapped[datetime | None] = mapped_column(_MOMENT)
    ended_by: Mapped[UUID | None]
    result: Mapped[str | None]


class CaseCertificate(Base):
    """What was issued for the case, as `exchange` published it."""

    __tablename__ = "case_certificate"

    certificate_id: Mapped[UUID] = mapped_column(primary_key=True)
    case_id: Mapped[UUID] = mapped_column(ForeignKey("case_file.case_id"), index=True)
    code: Mapped[str]
    type: Mapped[str | None]
    name: Mapped[str]
    issued_on: Mapped[date]
    valid_to: Mapped[date | None]


class CaseCounter(Base):
    """The last sequence of a case-number prefix on a day; its row lock orders concurrent cases."""

    __tablename__ = "case_counter"

    prefix: Mapped[str] = mapped_column(primary_key=True)
    received_on: Mapped[date] = mapped_column(primary_key=True)
    last: Mapped[int]
