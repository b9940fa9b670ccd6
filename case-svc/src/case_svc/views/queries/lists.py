"""The applicant's list of cases, and the history of one."""

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import CompoundSelect, and_, select, union_all
from sqlalchemy.ext.asyncio import AsyncSession

from case_svc.cases.models import Case, CaseEntry
from case_svc.cases.queries import ways_to_own
from case_svc.cases.rules.lifecycle import State
from case_svc.parties.models import StaffMember
from case_svc.views.queries.rows import columns_of
from chassis.auth import Actor
from chassis.pagination import PageRequest, Window, paginate


class OwnCaseRow(NamedTuple):
    case_id: UUID
    case_no: str | None
    item_id: UUID
    item_name: str
    department_code: str
    department_name: str
    company_id: UUID | None
    status: str
    outcome: str | None
    step: str | None
    created_at: datetime
    submitted_at: datetime | None
    ended_at: datetime | None


async def list_own_cases(
    session: AsyncSession, actor: Actor, page: PageRequest, status: State | None
) -> tuple[Window, list[OwnCaseRow]]:
    """Newest first. Each way to own a case is selected apart, so that each uses its index."""
    own: CompoundSelect[UUID] = union_all(
        *(select(Case.case_id).where(way) for way in ways_to_own(actor.id))
    )
    statement = select(*columns_of(OwnCaseRow, Case)).where(Case.case_id.in_(own))
    if status is not None:
        statement = statement.where(Case.status == status)
    window = await paginate(session, statement, [(Case.case_id, "desc")], page)
    return window, [OwnCaseRow._make(values) for values in window.rows]


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
