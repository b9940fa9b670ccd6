"""Entries of the directory, in and out."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator

from exchange_svc.directory.models import Resource
from exchange_svc.directory.rules.terms import ShareType

Short = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
Long = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000)]
TypeCode = Annotated[str, StringConstraints(pattern="^[0-9A-Z]{18}[0-9]{3}$")]
Cycle = Literal["real_time", "daily", "weekly", "monthly", "quarterly", "yearly", "on_demand"]


class In(BaseModel):
    model_config = ConfigDict(extra="forbid")


class FieldIn(In):
    """An item of information: its name in the data, its title, its type."""

    name: Short
    title: Short
    type: Literal["string", "integer", "number", "boolean", "date", "array"]


def _unlike(fields: list[FieldIn] | None) -> list[FieldIn] | None:
    names = [one.name for one in fields or []]
    if len(names) != len(set(names)):
        raise ValueError("field names must differ")
    return fields


Fields = Annotated[list[FieldIn], Field(min_length=1, max_length=100)]


class ResourceIn(In):
    """`certificate_type` names the certificates that back the resource."""

    category: Short
    title: Short
    summary: Long
    certificate_type: TypeCode
    fields: Fields
    share_type: ShareType
    share_condition: Long | None = None
    legal_basis: Long | None = None
    update_cycle: Cycle

    _names = field_validator("fields")(_unlike)


class ResourcePatch(In):
    """Only what is sent changes."""

    title: Short = ""
    summary: Long = ""
    fields: Fields = []
    share_type: ShareType = ShareType.CONDITIONAL
    share_condition: Long | None = None
    legal_basis: Long | None = None
    update_cycle: Cycle = "on_demand"
    status: Literal["published", "revoked"] = "published"

    _names = field_validator("fields")(_unlike)


class FieldOut(BaseModel):
    name: str
    title: str
    type: str


class ResourceOut(BaseModel):
    code: str
    category: str
    title: str
    summary: str
    provider_code: str
    certificate_type: str
    fields: list[FieldOut]
    share_type: ShareType
    share_condition: str | None
    legal_basis: str | None
    update_cycle: str
    status: str
    published_at: datetime
    version: int
    links: dict[str, str]


def resource_out(one: Resource) -> ResourceOut:
    base = f"/api/v1/exchange/resources/{one.code}"
    columns: dict[str, Any] = {
        name: getattr(one, name) for name in ResourceOut.model_fields if name != "links"
    }
    columns["fields"] = [FieldOut(**field) for field in one.fields]
    return ResourceOut(**columns, links={"self": base, "query": f"{base}/query"})
