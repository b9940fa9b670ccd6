"""What an applicant sends, and what she gets for it."""

from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)

from case_svc.intake.rules.applications import Application, SentMaterial, is_storable

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000)]
Answers = dict[Annotated[str, Field(max_length=100)], str | None]


def ensure_storable(form: dict[str, Any]) -> dict[str, Any]:
    if not is_storable(form):
        raise ValueError("holds characters, numbers or a nesting that cannot be stored")
    return form


Form = Annotated[dict[Annotated[str, Field(max_length=100)], Any], AfterValidator(ensure_storable)]


class MaterialIn(BaseModel):
    """Exactly one of a file of one's own, a certificate code, and a promise."""

    model_config = ConfigDict(extra="forbid")

    material_id: str = Field(max_length=100)
    file_id: UUID | None = None
    certificate_code: str | None = Field(default=None, min_length=1, max_length=100)
    promise: Literal[True] | None = None

    @model_validator(mode="after")
    def _one_way(self) -> "MaterialIn":
        ways = [self.file_id, self.certificate_code, self.promise]
        if sum(way is not None for way in ways) != 1:
            raise ValueError("give exactly one of file_id, certificate_code and promise")
        return self

    def sent(self) -> SentMaterial:
        return SentMaterial(
            self.material_id, self.file_id, self.certificate_code, promise=self.promise is True
        )


class CaseIn(BaseModel):
    """An application; with `submit: false` it is kept as a draft."""

    model_config = ConfigDict(extra="forbid")

    item_id: UUID
    answers: Answers = Field(default_factory=dict)
    form: Form = Field(default_factory=dict)
    materials: list[MaterialIn] = Field(default_factory=list, max_length=100)
    on_behalf_of: UUID | None = None
    submit: bool = True

    def application(self) -> Application:
        """A null answer is no answer."""
        answers = {name: answer for name, answer in self.answers.items() if answer is not None}
        return Application(answers, self.form, [material.sent() for material in self.materials])


class DraftIn(BaseModel):
    """Form keys and answers are merged, null removes one; materials replace the list."""

    model_config = ConfigDict(extra="forbid")

    answers: Answers | None = None
    form: Form | None = None
    materials: list[MaterialIn] | None = Field(default=None, max_length=100)
    on_behalf_of: UUID | None = None

    def changes(self) -> dict[str, Any]:
        changes = self.model_dump(include=self.model_fields_set - {"materials"})
        if self.materials is not None:
            changes["materials"] = [material.sent() for material in self.materials]
        return changes


class CorrectionIn(BaseModel):
    """Sent form keys and materials replace the old ones."""

    model_config = ConfigDict(extra="forbid")

    answers: Answers = Field(default_factory=dict)
    form: Form = Field(default_factory=dict)
    materials: list[MaterialIn] = Field(default_factory=list, max_length=100)

    def application(self) -> Application:
        """A null answer takes the old one away."""
        materials = [material.sent() for material in self.materials]
        return Application(self.answers, self.form, materials)


class WithdrawalIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    reason: Text


class SubmittedOut(BaseModel):
    """`receipt` is a JWS, to be checked with the keys at /.well-known/jwks.json."""

    case_id: UUID
    case_no: str | None
    query_code: str | None
    status: str
    receipt: str | None
    links: dict[str, str]
    actions: list[str]
