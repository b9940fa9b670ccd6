"""What the file routes answer."""

from uuid import UUID

from pydantic import BaseModel, Field


class FileOut(BaseModel):
    """An uploaded file; use `file_id` in the materials of an application."""

    file_id: UUID
    name: str = Field(description="Made harmless: last path part, no control characters")
    size: int = Field(description="Bytes")
    media_type: str = Field(description="As the content shows, not as the client declared")
    sha256: str = Field(description="64 hex digits")
