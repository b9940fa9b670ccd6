"""Reads of footprints and of the ledger."""

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.pagination import PageRequest, Window, paginate
from exchange_svc.calls import chain
from exchange_svc.calls.models import Footprint, LedgerEntry


async def footprints_of(session: AsyncSession, person_id: UUID, page: PageRequest) -> Window:
    """Newest first; only the person's own."""
    statement = select(Footprint).where(Footprint.person_id == person_id)
    keys = [(Footprint.at, "desc"), (Footprint.footprint_id, "desc")]
    return await paginate(session, statement, keys, page)  # type: ignore[arg-type]  # list of one kind


async def check_ledger(session: AsyncSession) -> tuple[int, int | None]:
    """How many entries stand, and the first position where the chain breaks."""
    rows = (await session.scalars(select(LedgerEntry).order_by(LedgerEntry.position))).all()
    broken = chain.first_break((r.position, r.previous, r.hash, r.content) for r in rows)
    return len(rows), broken
