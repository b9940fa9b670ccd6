"""Identity's events, read into the local copies."""

from datetime import date
from uuid import UUID

from pydantic import BaseModel
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.consumer import Received, Subscriptions
from chassis.settings import context
from exchange_svc.parties.models import Company, Department, Mandate, Person
from exchange_svc.parties.usecases import keep_copy

subscriptions = Subscriptions(copies=True)


class PersonChanged(BaseModel):
    person_id: UUID
    version: int


class CompanyChanged(BaseModel):
    company_id: UUID
    name: str
    uscc: str
    legal_person_id: UUID
    active: bool
    version: int


class MandateChanged(BaseModel):
    mandate_id: UUID
    company_id: UUID | None
    grantee_person_id: UUID
    powers: list[str]
    item_codes: list[str]
    valid_from: date
    valid_to: date
    status: str
    version: int


class DepartmentChanged(BaseModel):
    department_code: str
    name: str
    version: int


@subscriptions.on("identity.person.registered.v1", PersonChanged)
@subscriptions.on("identity.person.changed.v1", PersonChanged)
async def on_person_changed(session: AsyncSession, event: Received[PersonChanged]) -> None:
    sealed = event.sealed or {}
    vault = context(session).vault
    await keep_copy(
        session,
        Person,
        {
            "person_id": event.data.person_id,
            "name": vault.encrypt(sealed["name"]),
            "id_number": vault.encrypt(sealed["id_number"]),
            "version": event.data.version,
        },
    )


@subscriptions.on("identity.company.changed.v1", CompanyChanged)
async def on_company_changed(session: AsyncSession, event: Received[CompanyChanged]) -> None:
    await keep_copy(session, Company, event.data.model_dump())


@subscriptions.on("identity.mandate.changed.v1", MandateChanged)
async def on_mandate_changed(session: AsyncSession, event: Received[MandateChanged]) -> None:
    values = event.data.model_dump(exclude={"powers"})
    await keep_copy(session, Mandate, values | {"view": "view" in event.data.powers})


@subscriptions.on("identity.department.changed.v1", DepartmentChanged)
async def on_department_changed(session: AsyncSession, event: Received[DepartmentChanged]) -> None:
    values = {"code": event.data.department_code} | event.data.model_dump(
        exclude={"department_code"}
    )
    await keep_copy(session, Department, values)
