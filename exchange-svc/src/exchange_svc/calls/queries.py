"""Reads of footprints and of the ledger."""

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.pagination import PageRequest, Window, paginate
from exchange_svc.calls.models import CaseLink, Footprint, LedgerEntry
from exchange_svc.calls.rules import chain


async def footprints_of(session: AsyncSession, person_id: UUID, page: PageRequest) -> Window:
    """Newest first; only the person's own."""
    statement = select(Footprint).where(Footprint.person_id == person_id)
    keys = [(Footprint.at, "desc"), (Footprint.footprint_id, "desc")]
    return await paginate(session, statement, keys, page)  # type: ignore[arg-type]  # list of one kind


async def head(session: AsyncSession, *, at: int | None = None) -> tuple[int, str]:
    """Position and hash of the newest entry, or of the one at a position."""
    statement = select(LedgerEntry.position, LedgerEntry.hash)
    if at is not None:
        statement = statement.where(LedgerEntry.position == at)
    newest = statement.order_by(LedgerEntry.position.desc()).limit(1)
    row = (await session.execute(newest)).one_or_none()
    return (row.position, row.hash) if row else (0, chain.START)


async def entries(session: AsyncSession, *, after: int, limit: int) -> list[LedgerEntry]:
    statement = select(LedgerEntry).where(LedgerEntry.position > after)
    return list(await session.scalars(statement.order_by(LedgerEntry.position).limit(limit)))


async def find_case(session: AsyncSession, case_no: str) -> CaseLink | None:
    return await session.scalar(select(CaseLink).where(CaseLink.case_no == case_no))
