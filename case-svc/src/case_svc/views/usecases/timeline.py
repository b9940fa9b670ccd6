"""The history of a case as one actor may see it."""

from typing import NamedTuple
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from case_svc.parties.queries import in_clear
from case_svc.views.queries.timeline import EntryRow, list_entries
from case_svc.views.usecases.footprints import record_timeline_access
from chassis.auth import Actor
from chassis.pagination import PageRequest, Window


class EntryView(NamedTuple):
    entry: EntryRow
    officer: str | None


async def show_timeline(
    session: AsyncSession, actor: Actor, case_id: UUID, page: PageRequest
) -> tuple[Window, list[EntryView]]:
    """Officers' names are for colleagues; an officer's access is recorded."""
    await record_timeline_access(session, actor, case_id)
    window, entries = await list_entries(session, case_id, page)
    by_staff = actor.kind == "staff"
    return window, [
        EntryView(entry, in_clear(session, entry.officer_name) if by_staff else None)
        for entry in entries
    ]
