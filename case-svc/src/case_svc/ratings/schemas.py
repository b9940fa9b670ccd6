"""What raters send, and what parties and staff read."""

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from case_svc.ratings.rules.scale import RatedService

Text = Annotated[str, StringConstraints(strip_whitespace=True, max_length=2000)]
Needed = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000)]
Tag = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=40)]


class RatingIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    service: RatedService
    satisfaction: int = Field(ge=1, le=5, strict=True, description="1 非常满意 … 5 非常不满意")
    tags: list[Tag] = Field(default_factory=list, max_length=10)
    comment: Text | None = None


class RatingOut(BaseModel):
    """`comment` is the rater's own text for the party, screened for staff."""

    rating_id: UUID
    case_id: UUID
    service: RatedService
    satisfaction: int
    satisfaction_text: str
    tags: list[str]
    comment: str | None
    rated_at: datetime
    rectification: str | None = Field(description="State of the rectification of a bad rating")


class RatingList(BaseModel):
    data: list[RatingOut]
    next: str | None


class ContactIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    note: Text = ""


class VerificationIn(BaseModel):
    """`invalid` (without ground) and `mistaken` take the rating out of the numbers."""

    model_config = ConfigDict(extra="forbid")

    result: Literal["valid", "invalid", "mistaken"]
    note: Needed


class MeasuresIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    measures: Needed


class CallBackIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    satisfied: bool = Field(strict=True)
    note: Text = ""


class ClosingIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    note: Text = ""


class StepOut(BaseModel):
    action: str
    at: datetime
    note: str | None


class RectificationOut(BaseModel):
    """Nothing in it says who rated."""

    rectification_id: UUID
    rating_id: UUID
    case_no: str
    department_code: str
    region_code: str
    service: RatedService
    satisfaction: int
    satisfaction_text: str
    tags: list[str]
    comment: str | None = Field(description="Screened")
    state: str
    actions: list[str]
    basis: str
    opened_at: datetime
    contact_due_on: date
    rectify_due_on: date
    call_back_due_on: date | None
    verification: str | None
    satisfied: bool | None
    closed_at: datetime | None
    steps: list[StepOut]
    version: int
    links: dict[str, str]
