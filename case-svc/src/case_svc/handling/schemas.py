"""What officers send."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from case_svc.cases.rules.steps import Verdict
from case_svc.handling.usecases.acceptance import Lack, Refusal
from case_svc.handling.usecases.decision import Ruling
from case_svc.handling.usecases.review import Check, Opinion, Procedure

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
    """Empty: the acceptance is dated and recorded."""


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
        return [Lack(lack.pointer, lack.material_id, lack.reason) for lack in self.items]


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

    def as_opinion(self) -> Opinion:
        checks = tuple(Check(check.check_id, check.passed, check.note) for check in self.checks)
        return Opinion(self.step, self.outcome, self.opinion, checks)


class SpecialProcedureIn(Strict):
    """`expected_days` are calendar days, as announced to the applicant."""

    kind: Code
    reason: Text
    expected_days: int = Field(ge=1, le=365)

    def as_procedure(self) -> Procedure:
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
