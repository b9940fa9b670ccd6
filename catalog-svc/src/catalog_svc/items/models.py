"""Items, their immutable published versions, their journal, their drafts, and copied names."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, JSON, CheckConstraint, DateTime, ForeignKey, Index, Text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from catalog_svc.items.rules import lifecycle
from catalog_svc.items.rules.lifecycle import Action, DraftAction, DraftStatus, Status
from catalog_svc.tables import Base
from chassis import clock

_MOMENT = DateTime(timezone=True)


class Item(Base):
    """An implementation item with the columns that lists and searches need.

    `version` counts published guides, `revision` every public change.
    """

    __tablename__ = "item"

    item_id: Mapped[UUID] = mapped_column(primary_key=True)
    item_code: Mapped[str] = mapped_column(Text, unique=True)
    code_kind: Mapped[str] = mapped_column(Text)
    code_parts: Mapped[dict[str, Any]] = mapped_column(JSONB)
    task_code: Mapped[str | None] = mapped_column(Text)
    catalog_code: Mapped[str | None] = mapped_column(Text)
    status: Mapped[str] = mapped_column(Text)
    version: Mapped[int] = mapped_column(default=0)
    revision: Mapped[int] = mapped_column(default=0)
    name: Mapped[str] = mapped_column(Text)
    parent_name: Mapped[str | None] = mapped_column(Text)
    task_type: Mapped[str] = mapped_column(Text)
    department_code: Mapped[str] = mapped_column(Text)
    department_name: Mapped[str | None] = mapped_column(Text)
    region_code: Mapped[str] = mapped_column(Text)
    region_name: Mapped[str | None] = mapped_column(Text)
    audience: Mapped[list[str]] = mapped_column(ARRAY(Text), default=list)
    themes: Mapped[dict[str, list[str]]] = mapped_column(JSONB, default=dict)
    online_applicable: Mapped[bool] = mapped_column(default=False)
    promise: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    visits: Mapped[int | None]
    created_at: Mapped[datetime] = mapped_column(_MOMENT, default=clock.now)
    updated_at: Mapped[datetime] = mapped_column(_MOMENT, default=clock.now, onupdate=clock.now)

    __table_args__ = (
        CheckConstraint(
            "status IN ('draft','listed','open','suspended','cancelled')", name="status"
        ),
        CheckConstraint("version > 0 OR status NOT IN ('open','suspended')", name="open_has_guide"),
        Index("ix_item_department_code", "department_code"),
        Index("ix_item_task_type", "task_type", "item_id"),
    )

    def move(self, action: Action) -> None:
        self.status = lifecycle.step(lifecycle.MOVES, Status(self.status), action)

    @property
    def is_public(self) -> bool:
        return self.status != Status.DRAFT and not self.was_never_public

    @property
    def was_never_public(self) -> bool:
        return self.revision == 0


class ItemVersion(Base):
    """A published guide. The database refuses to change or delete these rows."""

    __tablename__ = "item_version"

    item_id: Mapped[UUID] = mapped_column(ForeignKey("item.item_id"), primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    guide: Mapped[dict[str, Any]] = mapped_column(JSON)  # keeps the order of a form's fields
    source: Mapped[str] = mapped_column(Text)  # approval | import
    submitted_by: Mapped[UUID]
    approved_by: Mapped[UUID]
    published_at: Mapped[datetime] = mapped_column(_MOMENT, default=clock.now)


class ItemRevision(Base):
    """The journal of an item: every public change, who made it and why."""

    __tablename__ = "item_revision"

    item_id: Mapped[UUID] = mapped_column(ForeignKey("item.item_id"), primary_key=True)
    revision: Mapped[int] = mapped_column(primary_key=True)
    action: Mapped[str] = mapped_column(Text)
    status: Mapped[str] = mapped_column(Text)
    version: Mapped[int]
    name: Mapped[str] = mapped_column(Text)
    reason: Mapped[str | None] = mapped_column(Text)
    actor_id: Mapped[UUID]
    recorded_at: Mapped[datetime] = mapped_column(_MOMENT, default=clock.now)


class Draft(Base):
    """The next guide of an item; `tag` is its ETag."""

    __tablename__ = "draft"

    item_id: Mapped[UUID] = mapped_column(ForeignKey("item.item_id"), primary_key=True)
    guide: Mapped[dict[str, Any]] = mapped_column(JSON)
    status: Mapped[str] = mapped_column(Text)
    tag: Mapped[int] = mapped_column(default=0)
    edited_by: Mapped[UUID]
    submitted_by: Mapped[UUID | None]
    submitted_at: Mapped[datetime | None] = mapped_column(_MOMENT)
    return_reason: Mapped[str | None] = mapped_column(Text)
    updated_at: Mapped[datetime] = mapped_column(_MOMENT, default=clock.now, onupdate=clock.now)

    def move(self, action: DraftAction) -> None:
        self.status = lifecycle.step(lifecycle.DRAFT_MOVES, DraftStatus(self.status), action)
        self.tag += 1


class BaseItem(Base):
    """An entry of the base catalogue (基本目录), uniform for the whole country or province."""

    __tablename__ = "base_item"

    catalog_code: Mapped[str] = mapped_column(Text, primary_key=True)
    name: Mapped[str] = mapped_column(Text)
    task_type: Mapped[str] = mapped_column(Text)
    use_levels: Mapped[list[str]] = mapped_column(ARRAY(Text))
    legal_basis: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    created_by: Mapped[UUID]
    created_at: Mapped[datetime] = mapped_column(_MOMENT, default=clock.now)


class RegionCopy(Base):
    """The present name of a division, copied from identity-svc."""

    __tablename__ = "region_copy"

    region_code: Mapped[str] = mapped_column(Text, primary_key=True)
    name: Mapped[str] = mapped_column(Text)
    version: Mapped[int]


class DepartmentCopy(Base):
    """The present name of a department, copied from identity-svc."""

    __tablename__ = "department_copy"

    department_code: Mapped[str] = mapped_column(Text, primary_key=True)
    name: Mapped[str] = mapped_column(Text)
    version: Mapped[int]
