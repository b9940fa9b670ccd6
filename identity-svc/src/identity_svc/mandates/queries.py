"""Every SELECT on mandates."""

from datetime import date
from typing import Literal
from uuid import UUID

from sqlalchemy import ColumnElement, Select, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.auth import Actor
from chassis.pagination import Key, PageRequest, Window, paginate
from identity_svc.mandates.errors import MandateNotFound
from identity_svc.mandates.models import Mandate
from identity_svc.mandates.rules.lifecycle import State
from identity_svc.people.models import Company

Side = Literal["granted", "received"]


def visible_to(actor: Actor) -> Select[Mandate]:
    """The mandates an actor may see: granted, received, or granted by a company the actor leads."""
    return select(Mandate).where(or_(_granted_by(actor), Mandate.grantee_person_id == actor.id))


async def mandate(session: AsyncSession, actor: Actor, mandate_id: UUID) -> Mandate:
    """Locks the row: two parties may act on it at the same time."""
    statement = visible_to(actor).where(Mandate.id == mandate_id).with_for_update()
    mandate = await session.scalar(statement)
    if mandate is None:
        raise MandateNotFound
    return mandate


async def list_mandates(
    session: AsyncSession, actor: Actor, page: PageRequest, *, side: Side | None
) -> Window:
    statement = visible_to(actor)
    if side == "granted":
        statement = statement.where(_granted_by(actor))
    if side == "received":
        statement = statement.where(Mandate.grantee_person_id == actor.id)
    return await paginate(session, statement, [(Mandate.id, "desc")], page)


async def companies_of(
    session: AsyncSession, actor: Actor, page: PageRequest, *, on: date
) -> Window:
    """Mandates under which the actor may act for a company on that day, with the company."""
    statement = (
        select(Mandate, Company)
        .join(Company, Company.id == Mandate.company_id)
        .where(
            Mandate.grantee_person_id == actor.id,
            Mandate.status == State.ACTIVE,
            Mandate.valid_from <= on,
            Mandate.valid_to >= on,
            Company.active,
        )
    )
    keys: list[Key] = [(Company.name, "asc"), (Mandate.id, "asc")]
    return await paginate(session, statement, keys, page)


async def overdue_mandates(session: AsyncSession, *, on: date, limit: int) -> list[Mandate]:
    statement = (
        select(Mandate)
        .where(Mandate.status.in_([State.PENDING, State.ACTIVE]), Mandate.valid_to < on)
        .order_by(Mandate.valid_to)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    return list(await session.scalars(statement))


def _granted_by(actor: Actor) -> ColumnElement[bool]:
    led = select(Company.id).where(Company.legal_person_id == actor.id)
    return or_(Mandate.grantor_person_id == actor.id, Mandate.company_id.in_(led))
