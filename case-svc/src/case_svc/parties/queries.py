"""Who someone is, whom they may act for, and who works where."""

from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from case_svc.parties.models import Company, Mandate, StaffMember
from case_svc.parties.rules.powers import ALL_POWERS
from chassis import clock
from chassis.database.sessions import process_of


class Agency(NamedTuple):
    """What someone is to an active company: the credit code, and the powers for one item."""

    uscc: str
    powers: frozenset[str]


async def agency_of(
    session: AsyncSession, person_id: UUID, company_id: UUID, item_code: str
) -> Agency | None:
    """All powers for the legal representative; none when the person has no tie to the company."""
    statement = (
        select(
            Company.uscc,
            Company.legal_person_id == person_id,
            Mandate.powers,
            covers_item(item_code),
        )
        .outerjoin(Mandate, and_(Mandate.company_id == Company.company_id, in_force(person_id)))
        .where(Company.company_id == company_id, Company.active)
    )
    rows = (await session.execute(statement)).all()
    if any(represents for _, represents, _, _ in rows):
        return Agency(rows[0][0], ALL_POWERS)
    mandates = [(powers, covers) for _, _, powers, covers in rows if powers is not None]
    if not mandates:
        return None
    covered = (powers for powers, covers in mandates if covers)
    return Agency(rows[0][0], frozenset().union(*covered))


def in_force(person_id: UUID) -> ColumnElement[bool]:
    """Mandates this person may use today."""
    today = clock.today()
    return and_(
        Mandate.grantee_person_id == person_id,
        Mandate.status == "active",
        Mandate.valid_from <= today,
        Mandate.valid_to >= today,
    )


def covers_item(item_code: Any) -> ColumnElement[bool]:
    return or_(Mandate.item_codes.contains(["*"]), Mandate.item_codes.has_key(item_code))


def in_clear(session: AsyncSession, box: bytes | None) -> str | None:
    """A personal value decrypted; none when its event has not arrived yet."""
    return None if box is None else process_of(session).vault.decrypt(box)


async def find_colleague(
    session: AsyncSession, staff_id: UUID, department_code: str
) -> StaffMember | None:
    """An active member of this department."""
    statement = select(StaffMember).where(
        StaffMember.staff_id == staff_id,
        StaffMember.department_code == department_code,
        StaffMember.active,
    )
    return (await session.scalars(statement)).one_or_none()
