"""The public numbers, the warnings and the rules behind them."""

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints


class PeriodOut(BaseModel):
    first: date
    last: date


class ScopeOut(BaseModel):
    """What the numbers cover; null means everything."""

    region: str | None
    department: str | None
    period: PeriodOut


class IndicatorOut(BaseModel):
    """`value` is null without a denominator; `name` and `definition` follow `Accept-Language`."""

    code: str
    level: str
    name: str
    definition: str
    name_zh: str
    name_en: str
    numerator: float
    denominator: float
    value: float | None
    unit: str
    definition_zh: str
    definition_en: str


class PerformanceOut(BaseModel):
    scope: ScopeOut
    indicators: list[IndicatorOut]


class WarningOut(BaseModel):
    """One warning or card; `level` is remind, yellow_warning, yellow_card or red_card."""

    warning_id: UUID
    case_no: str
    department_code: str
    region_code: str
    rule: str
    rule_name_zh: str
    rule_name_en: str
    level: str
    light: str
    due_on: date | None
    written_at: datetime
    answer: str | None
    answered_at: datetime | None
    actions: list[str]
    links: dict[str, str]


class AnswerIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    explanation: Annotated[
        str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000)
    ]


class RuleOut(BaseModel):
    rule: str
    name_zh: str
    name_en: str
    thresholds: dict[str, str] = Field(description="Level → when it is written")
    basis: str


class RuleList(BaseModel):
    data: list[RuleOut]
    next: str | None
