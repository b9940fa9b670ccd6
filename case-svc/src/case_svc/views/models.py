"""Wrong query codes, counted."""

from datetime import datetime

from sqlalchemy import DateTime, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from case_svc.tables import Base


class ProgressAttempt(Base):
    """The key is a keyed hash of the case number or the address."""

    __tablename__ = "progress_attempt"

    key: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    count: Mapped[int]
    since: Mapped[datetime] = mapped_column(DateTime(timezone=True))
