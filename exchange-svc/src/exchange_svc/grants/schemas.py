"""Requests for data, and grants."""

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from exchange_svc.grants.models import GrantRequest
from exchange_svc.grants.rules.lifecycle import State, allowed

Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=2, max_length=1000)]


class In(BaseModel):
    model_config = ConfigDict(extra="forbid")


class GrantRequestIn(In):
    """`scene` is the service item the data are for (its task or item code)."""

    resource_code: Name
    purpose: Text
    legal_basis: Text
    scene: Name
    fields: Annotated[list[Name], Field(min_length=1, max_length=100)]
    quota_per_day: Annotated[int, Field(ge=1, le=1_000_000)]
    valid_from: date
    valid_to: date


class ApprovalIn(In):
    """An approval has no content."""


class RefusalIn(In):
    """A refusal must give its reason and legal basis (政务数据共享条例)."""

    reason: Text


class GrantRequestOut(BaseModel):
    """`reply_workdays`: the working days, from `state_since`, within which the answer is due."""

    request_id: UUID
    resource_code: str
    provider_code: str
    department_code: str
    purpose: str
    legal_basis: str
    scene: str
    fields: list[str]
    quota_per_day: int
    valid_from: date
    valid_to: date
    state: State
    state_since: datetime
    reply_workdays: int | None
    reason: str | None
    actions: list[str]
    version: int


class GrantOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    grant_id: UUID
    request_id: UUID
    resource_code: str
    provider_code: str
    department_code: str
    purpose: str
    fields: list[str]
    quota_per_day: int
    valid_from: date
    valid_to: date
    status: str
    reason: str | None
    granted_at: datetime
    version: int


def request_out(request: GrantRequest) -> GrantRequestOut:
    names = GrantRequestOut.model_fields.keys() - {"actions"}
    columns = {name: getattr(request, name) for name in names}
    return GrantRequestOut(**columns, actions=allowed(State(request.state)))
