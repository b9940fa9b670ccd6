"""Every SELECT on persons and companies."""

from collections.abc import Collection
from uuid import UUID

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.auth import Actor
from chassis.database.sessions import process_of
from chassis.pagination import PageRequest, Window, paginate
from identity_svc.orgs.rules.names import parse_sign_in_name
from identity_svc.people.errors import CompanyNotFound, PersonNotFound
from identity_svc.people.models import Company, Person


async def person(session: AsyncSession, person_id: UUID, *, for_update: bool = False) -> Person:
    person = await session.get(Person, person_id, with_for_update=for_update)
    if person is None:
        raise PersonNotFound
    return person


async def person_named(session: AsyncSession, *, number: str, name: str) -> Person | None:
    """The person with this identity or mobile number, if the name matches too."""
    kind, value = parse_sign_in_name(number)
    digest = process_of(session).vault.digest(value, purpose=kind)
    columns = {"id_number": Person.id_number_digest, "mobile": Person.mobile_digest}
    if kind not in columns:
        return None
    person = await session.scalar(select(Person).where(columns[kind] == digest))
    if person is None or name_of(session, person) != name:
        return None
    return person


def name_of(session: AsyncSession, person: Person) -> str:
    return process_of(session).vault.decrypt(person.name_box)


async def names_of(session: AsyncSession, person_ids: Collection[UUID]) -> dict[UUID, str]:
    rows = await session.scalars(select(Person).where(Person.id.in_(person_ids)))
    return {row.id: name_of(session, row) for row in rows}


def visible_companies(actor: Actor) -> Select[Company]:
    """The companies an actor may see: staff see all, others those they lead."""
    if actor.kind == "staff":
        return select(Company)
    return select(Company).where(Company.legal_person_id == actor.id)


async def company(session: AsyncSession, actor: Actor, company_id: UUID) -> Company:
    company = await session.scalar(visible_companies(actor).where(Company.id == company_id))
    if company is None:
        raise CompanyNotFound
    return company


async def list_companies(
    session: AsyncSession, actor: Actor, page: PageRequest, *, uscc: str | None, words: str | None
) -> Window:
    statement = visible_companies(actor)
    if uscc:
        statement = statement.where(Company.uscc == uscc.upper())
    if words:
        statement = statement.where(Company.name.contains(words, autoescape=True))
    return await paginate(session, statement, [(Company.id, "asc")], page)


async def companies_by_id(session: AsyncSession, ids: Collection[UUID]) -> dict[UUID, Company]:
    rows = await session.scalars(select(Company).where(Company.id.in_(ids)))
    return {row.id: row for row in rows}
