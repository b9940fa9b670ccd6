"""Two tables: what is on its way into the store, and what has arrived."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import DateTime, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from case_svc.tables import Base


class FileUpload(Base):
    """An object that may lie in the store without a row; older ones are swept."""

    __tablename__ = "file_upload"

    file_id: Mapped[UUID] = mapped_column(primary_key=True)
    object_key: Mapped[str]
    begun_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), index=True)


class StoredFile(Base):
    """Immutable. The name is encrypted: people name scans after themselves."""

    __tablename__ = "stored_file"

    file_id: Mapped[UUID] = mapped_column(primary_key=True)
    object_key: Mapped[str]
    uploader_id: Mapped[UUID] = mapped_column(index=True)
    name: Mapped[bytes] = mapped_column(LargeBinary)
    size: Mapped[int]
    media_type: Mapped[str]
    sha256: Mapped[bytes] = mapped_column(LargeBinary)
    stored_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
