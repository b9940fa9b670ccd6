"""An import: the job, its pending rows, its rejected rows.

Pending rows are stored in chunks, so that a turn reads, applies and counts a chunk in one
transaction: after a crash the next turn continues exactly where the last commit stopped.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import JSON, DateTime, ForeignKey, Index, Text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from catalog_svc.tables import Base
from chassis import clock

_MOMENT = DateTime(timezone=True)


class ImportJob(Base):
    """`department` is the one whose rows may be imported; null for the platform."""

    __tablename__ = "import_job"

    import_id: Mapped[UUID] = mapped_column(primary_key=True)
    format: Mapped[str] = mapped_column(Text)
    filename: Mapped[str] = mapped_column(Text)
    dry_run: Mapped[bool]
    status: Mapped[str] = mapped_column(Text)  # queued | running | finished | failed
    actor_id: Mapped[UUID]
    department: Mapped[str | None] = mapped_column(Text)
    next_chunk: Mapped[int] = mapped_column(default=0)
    total: Mapped[int]
    processed: Mapped[int] = mapped_column(default=0)
    created: Mapped[int] = mapped_column(default=0)
    changed: Mapped[int] = mapped_column(default=0)
    unchanged: Mapped[int] = mapped_column(default=0)
    rejected: Mapped[int] = mapped_column(default=0)
    failure: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(_MOMENT, default=clock.now)
    started_at: Mapped[datetime | None] = mapped_column(_MOMENT)
    finished_at: Mapped[datetime | None] = mapped_column(_MOMENT)

    __table_args__ = (
        Index(
            "ix_import_job_waiting", "import_id", postgresql_where=status.in_(["queued", "running"])
        ),
    )


class ImportChunk(Base):
    """Some lines of the file; deleted by the turn that applies them."""

    __tablename__ = "import_chunk"

    import_id: Mapped[UUID] = mapped_column(ForeignKey("import_job.import_id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    lines: Mapped[list[dict[str, Any]]] = mapped_column(JSON)


class ImportRejection(Base):
    """A rejected line, and why."""

    __tablename__ = "import_rejection"

    import_id: Mapped[UUID] = mapped_column(ForeignKey("import_job.import_id"), primary_key=True)
    line: Mapped[int] = mapped_column(primary_key=True)
    column: Mapped[str | None] = mapped_column(Text)
    reason_zh: Mapped[str] = mapped_column(Text)
    reason_en: Mapped[str] = mapped_column(Text)
    row: Mapped[dict[str, Any]] = mapped_column(JSONB)
