"""Copies of what identity owns, kept by its events."""

from datetime import date
from uuid import UUID

from pydantic import BaseModel

from chassis.database.sessions import WriteSession, process_of
from chassis.database.upsert import upsert_newer
from chassis.subscriptions import Received, Subscriptions
from exchange_svc.parties.models import Company, Department, Mandate, Person

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
async def on_person_changed(session: WriteSession, event: Received[PersonChanged]) -> None:
    sealed = event.sealed or {}
    vault = process_of(session).vault
    row = {
        "person_id": event.data.person_id,
        "name": vault.encrypt(sealed["name"]),
        "id_number": vault.encrypt(sealed["id_number"]),
        "version": event.data.version,
    }
    await upsert_newer(session, Person, [row])


@subscriptions.on("identity.company.changed.v1", CompanyChanged)
async def on_company_changed(session: WriteSession, event: Received[CompanyChanged]) -> None:
    await upsert_newer(session, Company, [event.data.model_dump()])


@subscriptions.on("identity.mandate.changed.v1", MandateChanged)
async def on_mandate_changed(session: WriteSession, event: Received[MandateChanged]) -> None:
    row = event.data.model_dump(exclude={"powers"}) | {"view": "view" in event.data.powers}
    await upsert_newer(session, Mandate, [row])


@subscriptions.on("identity.department.changed.v1", DepartmentChanged)
async def on_department_changed(session: WriteSession, event: Received[DepartmentChanged]) -> None:
    department = event.data
    row = {
        "code": department.department_code,
        "name": department.name,
        "version": department.version,
    }
    await upsert_newer(session, Department, [row])
