"""What officers send."""

from datetime import date
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from case_svc.cases.steps import Verdict
from case_svc.cases.usecases.acceptance import Lack, Refusal
from case_svc.cases.usecases.calendar import NamedDay
from case_svc.cases.usecases.deciding import Ruling
from case_svc.cases.usecases.reviewing import Check, Opinion, Procedure

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000)]
Code = Annotated[str, StringConstraints(min_length=1, max_length=100)]
ReasonCode = Literal[
    "not_required",
    "not_competent",
    "incomplete_after_notice",
    "not_statutory_form",
    "not_meet_condition",
    "quota_full",
    "false_material",
    "reapply_banned",
    "duplicate",
]


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class AcceptanceIn(Strict):
    """Nothing is to be said: the acceptance is dated and recorded."""


class LackIn(Strict):
    """A place in the form, or a material."""

    pointer: Annotated[str, StringConstraints(pattern="^/", max_length=200)] | None = None
    material_id: Code | None = None
    reason: Text

    @model_validator(mode="after")
    def _one_place(self) -> "LackIn":
        if (self.pointer is None) == (self.material_id is None):
            raise ValueError("give exactly one of pointer and material_id")
        return self


class CorrectionNoticeIn(Strict):
    """Everything that is missing, at once: there is no second notice."""

    items: list[LackIn] = Field(min_length=1, max_length=100)

    def lacks(self) -> list[Lack]:
        return [Lack(one.pointer, one.material_id, one.reason) for one in self.items]


class NonAcceptanceIn(Strict):
    """`competent_authority` is needed with the reason `not_competent`."""

    reason_code: ReasonCode
    reason: Text
    competent_authority: Text | None = None

    def refusal(self) -> Refusal:
        return Refusal(self.reason_code, self.reason, self.competent_authority)


class CheckIn(Strict):
    check_id: Code
    passed: bool
    note: Text | None = None


class OpinionIn(Strict):
    """Checks may be left out unless the guide requires them."""

    step: Code
    outcome: Verdict
    opinion: Text
    checks: list[CheckIn] = Field(default_factory=list, max_length=100)

    def content(self) -> Opinion:
        checks = tuple(Check(one.check_id, one.passed, one.note) for one in self.checks)
        return Opinion(self.step, self.outcome, self.opinion, checks)


class SpecialProcedureIn(Strict):
    """`expected_days` are calendar days, as told to the applicant."""

    kind: Code
    reason: Text
    expected_days: int = Field(ge=1, le=365)

    def content(self) -> Procedure:
        return Procedure(self.kind, self.reason, self.expected_days)


class ProcedureEndIn(Strict):
    result: Text


class ExtensionIn(Strict):
    """Working days; at most 10, in joint handling 15."""

    days: int = Field(ge=1, le=365)
    reason: Text


class DecisionIn(Strict):
    """A refusal needs both reason and remedies."""

    outcome: Literal["granted", "refused"]
    reason: Text | None = None
    remedies: Text | None = None

    def ruling(self) -> Ruling:
        return Ruling(self.outcome, self.reason, self.remedies)


class TransferIn(Strict):
    """A colleague's staff id."""

    to: UUID


class DayIn(Strict):
    """A day that deviates from the weekend rule, or bears a name."""

    date: date
    is_workday: bool
    name: Annotated[str, StringConstraints(min_length=1, max_length=50)] | None = None


class CalendarIn(Strict):
    """A whole year; days not named follow the weekend rule."""

    source: Text
    days: list[DayIn] = Field(max_length=366)

    def named(self) -> list[NamedDay]:
        return [NamedDay(one.date, one.is_workday, one.name) for one in self.days]
