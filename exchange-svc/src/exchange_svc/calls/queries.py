"""Reads of footprints, of the ledger, and of the cases that questions are about."""

from typing import NamedTuple
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.pagination import Key, PageRequest, Window, paginate
from exchange_svc.calls.models import CaseLink, Footprint, LedgerEntry
from exchange_svc.calls.rules import chain
from exchange_svc.parties.models import Company, Person


class SubjectCase(NamedTuple):
    """A case with the numbers of its subject, as far as their copies have arrived."""

    case: CaseLink
    uscc: str | None
    id_number: bytes | None


async def footprints_of(session: AsyncSession, person_id: UUID, page: PageRequest) -> Window:
    """The person's own footprints, newest first."""
    statement = select(Footprint).where(Footprint.person_id == person_id)
    keys: list[Key] = [(Footprint.at, "desc"), (Footprint.footprint_id, "desc")]
    return await paginate(session, statement, keys, page)


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


async def find_subject_case(session: AsyncSession, case_no: str) -> SubjectCase | None:
    statement = (
        select(CaseLink, Company.uscc, Person.id_number)
        .outerjoin(Company, Company.company_id == CaseLink.company_id)
        .outerjoin(Person, Person.person_id == CaseLink.person_id)
        .where(CaseLink.case_no == case_no)
    )
    row = (await session.execute(statement)).first()
    return None if row is None else SubjectCase(*row)
