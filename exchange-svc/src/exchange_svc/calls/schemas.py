"""The public shape of footprints and of the ledger check."""

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel


class DepartmentOut(BaseModel):
    code: str
    name: str | None


class FootprintOut(BaseModel):
    """Department and post, never the officer."""

    footprint_id: UUID
    department: DepartmentOut | None
    post: str | None
    at: datetime
    fields: list[str]
    case_id: UUID | None
    case_no: str | None
    ground: str


class LedgerCheckOut(BaseModel):
    """`next` is where the check goes on, none at the end; note `head`, to compare it later."""

    after: int
    entries: int
    is_whole: bool
    first_break: int | None
    head: str
    next: int | None
