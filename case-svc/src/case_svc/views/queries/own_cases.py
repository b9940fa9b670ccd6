"""The applicant's list: cases of her own and of the companies she acts for."""

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import CompoundSelect, select, union_all
from sqlalchemy.ext.asyncio import AsyncSession

from case_svc.cases.models import Case
from case_svc.cases.queries import ways_to_own
from case_svc.cases.rules.lifecycle import State
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
