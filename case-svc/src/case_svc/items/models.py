"""The present state of each item, and every guide version it ever had."""

from typing import Any
from uuid import UUID

from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from case_svc.tables import Base


class Item(Base):
    """`revision` orders what arrives; `version` is the guide now in force (0: none yet)."""

    __tablename__ = "item"

    item_id: Mapped[UUID] = mapped_column(primary_key=True)
    revision: Mapped[int]
    version: Mapped[int]
    status: Mapped[str]
    item_code: Mapped[str]
    task_code: Mapped[str | None]
    name: Mapped[str]
    task_type: Mapped[str]
    department_code: Mapped[str] = mapped_column(index=True)
    department_name: Mapped[str]
    region_code: Mapped[str]
    region_name: Mapped[str]


class ItemVersion(Base):
    """A published guide, immutable: a case keeps the version it began with."""

    __tablename__ = "item_version"

    item_id: Mapped[UUID] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    guide: Mapped[dict[str, Any]] = mapped_column(JSONB)
