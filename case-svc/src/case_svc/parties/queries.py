"""Who someone is, whom they may act for, and who works where."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from case_svc.parties.errors import CompanyNotFound
from case_svc.parties.models import Company, Department, Mandate, Person, StaffMember
from chassis import clock
from chassis.auth import Actor
from chassis.db import context

APPLY, CORRECT, WITHDRAW, VIEW = "apply", "correct", "withdraw", "view"


@dataclass(frozen=True)
class Particulars:
    """A person's or company's data in clear, as far as this service was told."""

    name: str | None
    id_number: str | None
    mobile: str | None


async def get_company(session: AsyncSession, person_id: UUID, company_id: UUID) -> Company:
    """The company, if this person has anything to do with it."""
    company = await session.get(Company, company_id)
    if company is None or not company.active:
        raise CompanyNotFound(company_id=company_id)
    related = await session.scalar(
        select(Mandate.mandate_id)
        .where(in_force(person_id), Mandate.company_id == company_id)
        .limit(1)
    )
    if related is None and company.legal_person_id != person_id:
        raise CompanyNotFound(company_id=company_id)
    return company


async def holds_power(
    session: AsyncSession, person_id: UUID, company_id: UUID, item_code: str, power: str
) -> bool:
    """Whether a mandate in force, or the law (legal representatives), gives this power."""
    statement = select(Company.company_id).where(
        Company.company_id == company_id,
        Company.active,
        or_(
            Company.legal_person_id == person_id,
            Company.company_id.in_(
                select(Mandate.company_id).where(
                    in_force(person_id), covers_item(item_code), Mandate.powers.contains([power])
                )
            ),
        ),
    )
    return (await session.scalar(statement)) is not None


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


async def person_particulars(session: AsyncSession, person_id: UUID) -> Particulars:
    """Empty when the person's event has not arrived yet."""
    return in_clear(session, await session.get(Person, person_id))


def in_clear(session: AsyncSession, person: Person | None) -> Particulars:
    """What this service was told of the person, decrypted."""
    if person is None:
        return Particulars(None, None, None)
    vault = context(session).vault
    boxes = (person.name, person.id_number, person.mobile)
    return Particulars(*(vault.decrypt(box) if box else None for box in boxes))


async def company_of(session: AsyncSession, company_id: UUID | None) -> Company | None:
    return await session.get(Company, company_id) if company_id else None


async def staff_names(session: AsyncSession, staff_ids: set[UUID]) -> dict[UUID, str]:
    """Names for colleagues' eyes."""
    vault = context(session).vault
    statement = select(StaffMember).where(StaffMember.staff_id.in_(staff_ids))
    found = (await session.scalars(statement)).all()
    return {one.staff_id: vault.decrypt(one.name) for one in found if one.name}


async def colleague(
    session: AsyncSession, staff_id: UUID, department_code: str
) -> StaffMember | None:
    """An active member of this department."""
    statement = select(StaffMember).where(
        StaffMember.staff_id == staff_id,
        StaffMember.department_code == department_code,
        StaffMember.active,
    )
    return (await session.scalars(statement)).one_or_none()


async def department_name(session: AsyncSession, actor: Actor) -> str | None:
    if actor.department is None:
        return None
    department = await session.get(Department, actor.department)
    return department.name if department else None
