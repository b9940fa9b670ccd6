"""Requests and answers of persons and companies."""

from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.database.sessions import process_of
from chassis.vault import mask_id_number, mask_mobile, mask_name
from identity_svc.orgs.rules.names import PLAIN
from identity_svc.people.models import Assurance, Company, Person
from identity_svc.people.usecases import Registration

Words = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100, pattern=PLAIN)
]
PersonName = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=2, max_length=50, pattern=PLAIN)
]


class In(BaseModel):
    model_config = ConfigDict(extra="forbid")


class RegistrationIn(In):
    name: PersonName = Field(examples=["王小明"])
    id_number: Annotated[
        str, StringConstraints(strip_whitespace=True, to_upper=True, max_length=40)
    ] = Field(examples=["11010519491231002X"])
    mobile: Annotated[str, StringConstraints(strip_whitespace=True, max_length=40)] = Field(
        examples=["13800001234"]
    )
    password: Annotated[str, Field(max_length=1000, examples=["a long sentence"])]

    def form(self) -> Registration:
        return Registration(**self.model_dump())


class RegistrationOut(BaseModel):
    person_id: UUID
    assurance_level: str


class ProfileOut(BaseModel):
    person_id: UUID
    name: str
    id_number: str
    mobile: str
    assurance_level: str

    @classmethod
    def of(cls, session: AsyncSession, person: Person) -> "ProfileOut":
        vault = process_of(session).vault
        return cls(
            person_id=person.id,
            name=mask_name(vault.decrypt(person.name_box)),
            id_number=mask_id_number(vault.decrypt(person.id_number_box)),
            mobile=mask_mobile(vault.decrypt(person.mobile_box)),
            assurance_level=person.level,
        )


class AssuranceIn(In):
    level: Assurance
    ground: Words = Field(examples=["窗口核验身份证原件"])


class AssuranceOut(BaseModel):
    person_id: UUID
    assurance_level: str


class CompanyIn(In):
    name: Words = Field(examples=["广安示例商贸有限公司"])
    uscc: Annotated[str, StringConstraints(strip_whitespace=True, to_upper=True, max_length=40)] = (
        Field(examples=["91110000MA0TE5T16C"])
    )
    legal_representative: UUID


class CompanyOut(BaseModel):
    company_id: UUID
    name: str
    uscc: str
    legal_person_id: UUID
    active: bool
    version: int

    @classmethod
    def of(cls, company: Company) -> "CompanyOut":
        return cls(
            company_id=company.id,
            name=company.name,
            uscc=company.uscc,
            legal_person_id=company.legal_person_id,
            active=company.active,
            version=company.version,
        )
