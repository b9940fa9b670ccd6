"""The public shape of footprints and of the ledger check."""

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel


class DepartmentOut(BaseModel):
    code: str | None
    name: str | None


class FootprintOut(BaseModel):
    """Department and post, never the officer."""

    footprint_id: UUID
    department: DepartmentOut
    post: str | None
    at: datetime
    fields: list[str]
    case_id: UUID | None
    case_no: str | None
    ground: str


class LedgerCheckOut(BaseModel):
    entries: int
    is_whole: bool
    first_break: int | None
