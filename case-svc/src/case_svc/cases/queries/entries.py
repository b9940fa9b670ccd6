"""The history of a case."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from case_svc.cases.models import CaseEntry
from case_svc.parties.queries import staff_names
from chassis.auth import Actor
from chassis.pagination import PageRequest, Window, paginate


async def list_entries(session: AsyncSession, case_id: UUID, page: PageRequest) -> Window:
    """Oldest first; the caller has checked that the case is visible."""
    statement = select(CaseEntry).where(CaseEntry.case_id == case_id)
    return await paginate(session, statement, [(CaseEntry.sequence, "asc")], page)


async def officers(
    session: AsyncSession, actor: Actor, entries: Sequence[CaseEntry]
) -> dict[UUID, str]:
    """Names for colleagues; parties get none."""
    if actor.kind != "staff":
        return {}
    ids = {one.actor_id for one in entries if one.actor_kind == "staff" and one.actor_id}
    return await staff_names(session, ids)
