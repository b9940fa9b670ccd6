"""The history of a case."""

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import and_, select
from sqlalchemy.ext.asyncio import AsyncSession

from case_svc.cases.models import CaseEntry
from case_svc.parties.models import StaffMember
from chassis.pagination import PageRequest, Window, paginate


class EntryRow(NamedTuple):
    """`officer_name` is encrypted."""

    at: datetime
    action: str
    from_status: str | None
    to_status: str
    step: str | None
    actor_kind: str
    department: str | None
    post: str | None
    note: str | None
    officer_name: bytes | None


async def list_entries(
    session: AsyncSession, case_id: UUID, page: PageRequest
) -> tuple[Window, list[EntryRow]]:
    """Oldest first; the caller has checked that the case is visible."""
    *fields, _ = EntryRow._fields
    by_staff = and_(CaseEntry.actor_kind == "staff", StaffMember.staff_id == CaseEntry.actor_id)
    statement = (
        select(*(getattr(CaseEntry, name) for name in fields), StaffMember.name)
        .outerjoin(StaffMember, by_staff)
        .where(CaseEntry.case_id == case_id)
    )
    window = await paginate(session, statement, [(CaseEntry.sequence, "asc")], page)
    return window, [EntryRow._make(values) for values in window.rows]
