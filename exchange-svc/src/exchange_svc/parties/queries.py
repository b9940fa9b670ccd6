"""Reads of the local copies."""

from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, exists, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis import clock
from exchange_svc.parties.models import Company, Department, Mandate

EVERY_ITEM: Final = "*"


def may_view(person_id: UUID, company_id: Any, item_code: Any) -> ColumnElement[bool]:
    """Whether a person may see a company's row: as legal representative or by mandate for the item.

    `company_id` and `item_code` are columns of that row.
    """
    led = select(Company.company_id).where(Company.legal_person_id == person_id, Company.active)
    today = clock.today()
    mandated = exists().where(
        Mandate.company_id == company_id,
        Company.company_id == Mandate.company_id,
        Company.active,
        Mandate.grantee_person_id == person_id,
        Mandate.status == "active",
        Mandate.view,
        Mandate.valid_from <= today,
        Mandate.valid_to >= today,
        or_(Mandate.item_codes.contains([EVERY_ITEM]), Mandate.item_codes.has_key(item_code)),
    )
    return or_(company_id.in_(led), mandated)


async def department_names(session: AsyncSession, codes: set[str]) -> dict[str, str]:
    statement = select(Department.code, Department.name).where(Department.code.in_(codes))
    return {row.code: row.name for row in await session.execute(statement)}
