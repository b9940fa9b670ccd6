"""Resources of the directory; today each is backed by certificates of one type."""

from datetime import datetime

from sqlalchemy import DateTime, UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from exchange_svc.directory.rules.terms import ShareType
from exchange_svc.tables import Base

PUBLISHED, REVOKED = "published", "revoked"


class Resource(Base):
    __tablename__ = "resource"
    __table_args__ = (UniqueConstraint("category", "number"),)

    code: Mapped[str] = mapped_column(primary_key=True)
    category: Mapped[str]
    number: Mapped[int]
    title: Mapped[str]
    summary: Mapped[str]
    provider_code: Mapped[str] = mapped_column(index=True)
    certificate_type: Mapped[str]
    fields: Mapped[list[dict[str, str]]] = mapped_column(JSONB)
    share_type: Mapped[str]
    share_condition: Mapped[str | None]
    legal_basis: Mapped[str | None]
    update_cycle: Mapped[str]
    status: Mapped[str]
    published_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    version: Mapped[int]

    @property
    def is_shared(self) -> bool:
        return self.status == PUBLISHED and self.share_type != ShareType.NONE

    def field_names(self) -> set[str]:
        return {field["name"] for field in self.fields}
