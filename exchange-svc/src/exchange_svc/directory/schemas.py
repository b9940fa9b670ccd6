"""Entries of the directory as they are written and read."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

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


def distinct_names(fields: list[FieldIn]) -> list[FieldIn]:
    if len({field.name for field in fields}) != len(fields):
        raise ValueError("field names must differ")
    return fields


Fields = Annotated[
    list[FieldIn], Field(min_length=1, max_length=100), AfterValidator(distinct_names)
]


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


class ResourcePatch(In):
    """Only the members that are sent change."""

    title: Short = ""
    summary: Long = ""
    fields: Fields = []
    share_type: ShareType = ShareType.CONDITIONAL
    share_condition: Long | None = None
    legal_basis: Long | None = None
    update_cycle: Cycle = "on_demand"
    status: Literal["published", "revoked"] = "published"


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


def resource_out(resource: Resource) -> ResourceOut:
    base = f"/api/v1/exchange/resources/{resource.code}"
    columns: dict[str, Any] = {
        name: getattr(resource, name) for name in ResourceOut.model_fields if name != "links"
    }
    columns["fields"] = [FieldOut(**field) for field in resource.fields]
    return ResourceOut(**columns, links={"self": base, "query": f"{base}/query"})
