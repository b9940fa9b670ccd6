"""Tables of this room."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import DateTime, Index, Text
from sqlalchemy.orm import Mapped, mapped_column

from chassis import clock
from identity_svc.tables import Base


class Message(Base):
    """Stores what happened; the text is composed in the reader's language when it is read."""

    __tablename__ = "message"
    __table_args__ = (Index("ix_message_person", "person_id", "id"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=clock.new_id)
    person_id: Mapped[UUID]
    kind: Mapped[str] = mapped_column(Text)
    case_id: Mapped[UUID]
    case_no: Mapped[str] = mapped_column(Text)
    item_name: Mapped[str] = mapped_column(Text)
    outcome: Mapped[str | None] = mapped_column(Text)
    happened_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    read_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
