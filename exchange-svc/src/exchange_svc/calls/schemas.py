"""Questions and answers, footprints, and the ledger check."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from exchange_svc.calls.models import Footprint
from exchange_svc.calls.rules.questions import Question

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
Number = Annotated[
    str, StringConstraints(strip_whitespace=True, to_upper=True, min_length=1, max_length=40)
]


class DepartmentOut(BaseModel):
    code: str
    name: str | None


class FootprintOut(BaseModel):
    """Department and post, never the officer."""

    footprint_id: UUID
    department: DepartmentOut | None
    post: str | None
    at: datetime
    fields: list[str]
    case_id: UUID | None
    case_no: str | None
    ground: str


def footprint_out(footprint: Footprint, department_names: Mapping[str, str]) -> FootprintOut:
    """A department is named as it was then, else as it is called now."""
    code = footprint.department_code
    name = footprint.department_name or department_names.get(code or "")
    return FootprintOut(
        footprint_id=footprint.footprint_id,
        department=DepartmentOut(code=code, name=name) if code else None,
        post=footprint.post,
        at=footprint.at,
        fields=footprint.fields,
        case_id=footprint.case_id,
        case_no=footprint.case_no,
        ground=footprint.ground,
    )


class LedgerCheckOut(BaseModel):
    """`next` is where the check continues (null at the end); note `head` to compare it later."""

    after: int
    entries: int
    is_whole: bool
    first_break: int | None
    head: str
    next: int | None


class QueryIn(BaseModel):
    """Name the subject by exactly one of `id_number`, `uscc`, `certificate_code`."""

    model_config = ConfigDict(extra="forbid")

    case_no: Text
    purpose: Text
    fields: Annotated[list[Text], Field(min_length=1, max_length=100)]
    id_number: Number | None = None
    uscc: Number | None = None
    certificate_code: Text | None = None

    @model_validator(mode="after")
    def check_subject(self) -> "QueryIn":
        subjects = (self.id_number, self.uscc, self.certificate_code)
        if sum(subject is not None for subject in subjects) != 1:
            raise ValueError("exactly one of id_number, uscc, certificate_code")
        return self

    def question(self, resource_code: str) -> Question:
        values = self.model_dump()
        fields = tuple(dict.fromkeys(values.pop("fields")))
        return Question(resource_code=resource_code, fields=fields, **values)


class QuotaOut(BaseModel):
    limit: int
    remaining: int


class AnswerOut(BaseModel):
    """`signature` is a compact JWS over the same records (`typ` onenet-answer+jwt)."""

    call_id: UUID
    resource_code: str
    answered_at: datetime
    records: list[dict[str, Any]]
    signature: str
    quota: QuotaOut
