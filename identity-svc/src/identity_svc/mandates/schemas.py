"""Requests and answers of mandates."""

from collections.abc import Sequence
from datetime import date
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.auth import Actor
from chassis.vault import mask_name
from identity_svc.mandates.models import Mandate
from identity_svc.mandates.rules.lifecycle import Action, Power, Role, State, allowed
from identity_svc.mandates.usecases import Offer
from identity_svc.people import queries as people
from identity_svc.people.models import Company

Short = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=80)]
Number = Annotated[str, StringConstraints(strip_whitespace=True, to_upper=True, max_length=40)]


class In(BaseModel):
    model_config = ConfigDict(extra="forbid")


class GranteeIn(In):
    """A name and one number: a typing error in either cannot empower a stranger."""

    name: Short
    id_number: Number | None = None
    mobile: Number | None = None

    @model_validator(mode="after")
    def _exactly_one_number(self) -> "GranteeIn":
        if (self.id_number is None) == (self.mobile is None):
            raise ValueError("give either id_number or mobile")
        return self


class MandateIn(In):
    company_id: UUID | None = None
    grantee: GranteeIn
    powers: Annotated[list[Power], Field(min_length=1, max_length=len(Power))]
    item_codes: Annotated[list[Short], Field(min_length=1, max_length=200)] = ["*"]
    valid_from: date | None = None
    valid_to: date

    def offer(self) -> Offer:
        return Offer(
            company_id=self.company_id,
            grantee_number=self.grantee.id_number or self.grantee.mobile or "",
            grantee_name=self.grantee.name,
            powers=[str(power) for power in Power if power in self.powers],
            item_codes=sorted(set(self.item_codes)),
            valid_from=self.valid_from,
            valid_to=self.valid_to,
        )


class MandateOut(BaseModel):
    """Names of persons are masked: the parties know each other."""

    mandate_id: UUID
    company_id: UUID | None
    grantor: str
    grantee: str
    role: str
    powers: list[str]
    item_codes: list[str]
    valid_from: date
    valid_to: date
    status: str
    actions: list[str]
    version: int


async def mandates_out(
    session: AsyncSession, actor: Actor, mandates: Sequence[Mandate]
) -> list[MandateOut]:
    persons = {mandate.grantee_person_id for mandate in mandates}
    persons |= {mandate.grantor_person_id for mandate in mandates if mandate.grantor_person_id}
    names = await people.names_of(session, persons)
    companies = await people.companies_by_id(
        session, {mandate.company_id for mandate in mandates if mandate.company_id}
    )
    # By the grantor's id, which is a company's or a person's.
    grantors = {person_id: mask_name(name) for person_id, name in names.items()}
    grantors |= {company_id: company.name for company_id, company in companies.items()}
    return [
        MandateOut(
            mandate_id=mandate.id,
            company_id=mandate.company_id,
            grantor=grantors[mandate.grantor_id],
            grantee=mask_name(names[mandate.grantee_person_id]),
            role=mandate.role,
            powers=mandate.powers,
            item_codes=mandate.item_codes,
            valid_from=mandate.valid_from,
            valid_to=mandate.valid_to,
            status=mandate.status,
            actions=_actions(mandate, actor),
            version=mandate.version,
        )
        for mandate in mandates
    ]


def _actions(mandate: Mandate, actor: Actor) -> list[str]:
    if mandate.role == Role.LEGAL_REPRESENTATIVE:
        return []
    is_grantee = mandate.grantee_person_id == actor.id
    return [
        str(action)
        for action in allowed(State(mandate.status))
        if is_grantee or action is not Action.ACCEPT
    ]


class CompanyOfMineOut(BaseModel):
    company_id: UUID
    name: str
    uscc: str
    powers: list[str]
    item_codes: list[str]
    role: str
    valid_to: date

    @classmethod
    def of(cls, mandate: Mandate, company: Company) -> "CompanyOfMineOut":
        return cls(
            company_id=company.id,
            name=company.name,
            uscc=company.uscc,
            powers=mandate.powers,
            item_codes=mandate.item_codes,
            role=mandate.role,
            valid_to=mandate.valid_to,
        )
