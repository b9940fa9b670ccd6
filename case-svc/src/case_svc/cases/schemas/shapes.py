"""A case as it is shown: the shapes."""

from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Annotated, Any
from uuid import UUID

from pydantic import AfterValidator, BaseModel


def _in_utc(moment: datetime) -> datetime:
    return moment if moment.tzinfo is UTC else moment.astimezone(UTC)


# For moments that were computed and may still be in Shanghai's time.
Moment = Annotated[datetime, AfterValidator(_in_utc)]


class NamedOut(BaseModel):
    code: str
    name: str | None


@lru_cache(maxsize=4096)
def named(code: str, name: str | None) -> NamedOut:
    """Made once: the lines of a list mostly name one department."""
    return NamedOut(code=code, name=name)


class CompanyOut(BaseModel):
    company_id: UUID
    name: str
    uscc: str


class ApplicantOut(BaseModel):
    """Masked for officers who do not hold the task."""

    type: str
    person_id: UUID
    name: str | None
    id_number: str | None
    mobile: str | None
    company: CompanyOut | None


class MaterialOut(BaseModel):
    """`state`: supplied, pending, verified, failed, promised, or shared (the office fetches it)."""

    material_id: str
    name: str
    state: str
    required: bool
    file_id: UUID | None
    certificate_code: str | None
    reason: str | None
    promised_until: date | None


class NowWithOut(BaseModel):
    """Who has the case now; `officer` only for colleagues."""

    department: NamedOut
    post: str | None
    claimed: bool
    officer: str | None


class NextOut(BaseModel):
    """What happens next, who does it, until when."""

    by: str
    step: str | None
    name: str
    until: date | None


class LackOut(BaseModel):
    pointer: str | None
    material_id: str | None
    reason: str


class CorrectionOut(BaseModel):
    items: list[LackOut]
    noticed_at: Moment
    due_on: date
    corrected_at: Moment | None


class NonAcceptanceOut(BaseModel):
    reason_code: str
    reason: str
    competent_authority: str | None
    remedies: str
    at: Moment


class ExtensionOut(BaseModel):
    days: int
    reason: str
    at: Moment


class DecisionOut(BaseModel):
    outcome: str
    reason: str | None
    remedies: str | None
    decided_on: date
    officer: str | None


class IntervalOut(BaseModel):
    """A special procedure; the day it starts on is counted, the days after it are not."""

    procedure_id: UUID
    kind: str
    reason: str
    expected_days: int
    started_at: Moment
    ended_at: Moment | None
    result: str | None


class OpinionOut(BaseModel):
    step: str
    outcome: str
    opinion: str
    checks: list[dict[str, Any]]
    department_code: str | None
    post: str | None
    officer: str | None
    at: Moment


class CertificateOut(BaseModel):
    code: str
    type: str | None
    name: str
    issued_on: date
    valid_to: date | None


class CaseOut(BaseModel):
    """A case as this actor may see it, with what she may do now."""

    case_id: UUID
    case_no: str | None
    query_code: str | None
    status: str
    outcome: str | None
    item_id: UUID
    item_version: int
    item_name: str
    department: NamedOut
    region: NamedOut
    applicant: ApplicantOut
    answers: dict[str, Any]
    form: dict[str, Any]
    materials: list[MaterialOut]
    step: str | None
    now_with: NowWithOut | None
    next: NextOut | None
    intervals: list[IntervalOut]
    correction: CorrectionOut | None
    suggested_corrections: list[LackOut]
    non_acceptance: NonAcceptanceOut | None
    extension: ExtensionOut | None
    opinions: list[OpinionOut]
    decision: DecisionOut | None
    certificates: list[CertificateOut]
    created_at: Moment
    submitted_at: Moment | None
    received_at: Moment | None
    accepted_at: Moment | None
    decided_at: Moment | None
    ended_at: Moment | None
    version: int
    actions: list[str]
    links: dict[str, str]


class CaseRowOut(BaseModel):
    """A line of the applicant's list; its moments come from rows, which are in UTC."""

    case_id: UUID
    case_no: str | None
    item_id: UUID
    item_name: str
    department: NamedOut
    company_id: UUID | None
    status: str
    outcome: str | None
    step: str | None
    created_at: datetime
    submitted_at: datetime | None
    ended_at: datetime | None
    links: dict[str, str]


class ProgressOut(BaseModel):
    """Nothing personal: where a case stands and until when."""

    case_no: str
    item_name: str
    department: NamedOut
    status: str
    outcome: str | None
    step: str | None
    due_on: date | None
    submitted_at: Moment
    ended_at: Moment | None
