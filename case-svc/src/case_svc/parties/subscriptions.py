"""Events of `identity`: persons, companies, mandates, departments, staff."""

from datetime import date
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from case_svc.parties.models import Company, Department, Mandate, Person, StaffMember
from case_svc.parties.usecases import encrypted
from chassis.database.sessions import WriteSession
from chassis.database.upsert import upsert_newer
from chassis.subscriptions import Received, Subscriptions

subscriptions = Subscriptions(copies=True)


class Reading(BaseModel):
    model_config = ConfigDict(extra="ignore")


class PersonRead(Reading):
    person_id: UUID
    level: str
    version: int


class CompanyRead(Reading):
    company_id: UUID
    name: str
    uscc: str
    legal_person_id: UUID
    active: bool
    version: int


class MandateRead(Reading):
    mandate_id: UUID
    company_id: UUID | None
    grantor_person_id: UUID | None
    grantee_person_id: UUID
    powers: list[str]
    item_codes: list[str]
    valid_from: date
    valid_to: date
    status: str
    version: int


class DepartmentRead(Reading):
    department_code: str
    name: str
    region_code: str
    active: bool
    version: int


class StaffRead(Reading):
    staff_id: UUID
    department_code: str | None
    region_code: str
    roles: list[str]
    post: str | None
    active: bool
    version: int


@subscriptions.on("identity.person.registered.v1", PersonRead)
@subscriptions.on("identity.person.changed.v1", PersonRead)
async def on_person(session: WriteSession, event: Received[PersonRead]) -> None:
    personal = encrypted(session, event.sealed, "name", "id_number", "mobile")
    await upsert_newer(session, Person, [event.data.model_dump() | personal])


@subscriptions.on("identity.company.changed.v1", CompanyRead)
async def on_company_changed(session: WriteSession, event: Received[CompanyRead]) -> None:
    await upsert_newer(session, Company, [event.data.model_dump()])


@subscriptions.on("identity.mandate.changed.v1", MandateRead)
async def on_mandate_changed(session: WriteSession, event: Received[MandateRead]) -> None:
    await upsert_newer(session, Mandate, [event.data.model_dump()])


@subscriptions.on("identity.department.changed.v1", DepartmentRead)
async def on_department_changed(session: WriteSession, event: Received[DepartmentRead]) -> None:
    await upsert_newer(session, Department, [event.data.model_dump()])


@subscriptions.on("identity.staff.changed.v1", StaffRead)
async def on_staff_changed(session: WriteSession, event: Received[StaffRead]) -> None:
    personal = encrypted(session, event.sealed, "name")
    await upsert_newer(session, StaffMember, [event.data.model_dump() | personal])
