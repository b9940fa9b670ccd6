"""Reads of the local copies."""

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis import clock
from exchange_svc.parties.models import Company, Department, Mandate, Person


async def find_person(session: AsyncSession, person_id: UUID) -> Person | None:
    return await session.get(Person, person_id)


async def find_company(session: AsyncSession, company_id: UUID) -> Company | None:
    return await session.get(Company, company_id)


async def companies_of(session: AsyncSession, person_id: UUID) -> list[UUID]:
    """Companies the person may look at: as legal representative, or by an active mandate."""
    today = clock.today()
    by_mandate = select(Mandate.company_id).where(
        Mandate.grantee_person_id == person_id,
        Mandate.company_id.is_not(None),
        Mandate.status == "active",
        Mandate.view,
        Mandate.valid_from <= today,
        Mandate.valid_to >= today,
    )
    by_office = select(Company.company_id).where(
        Company.legal_person_id == person_id, Company.active
    )
    return [one for one in (await session.scalars(by_mandate.union(by_office))) if one]


async def department_names(session: AsyncSession, codes: set[str]) -> dict[str, str]:
    statement = select(Department.code, Department.name).where(Department.code.in_(codes))
    return {row.code: row.name for row in await session.execute(statement)}
