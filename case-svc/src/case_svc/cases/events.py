"""The facts this room publishes. No personal data; a certificate's face travels sealed."""

from datetime import date, datetime
from typing import Any, ClassVar, Final, Literal
from uuid import UUID

from pydantic import BaseModel

from chassis.events import Event


class CaseEvent(Event):
    """What every fact about a case says; `version` grows with each move."""

    key: ClassVar[str] = "case_id"

    case_id: UUID
    case_no: str
    version: int
    item_id: UUID
    item_name: str
    department_code: str
    region_code: str
    person_id: UUID
    company_id: UUID | None
    status: str


class CaseSubmitted(CaseEvent):
    """An application was handed in and has its number."""

    type: ClassVar[str] = "case.submitted.v1"


class CaseRestated(CaseEvent):
    """How the case stands, told again for copies that were lost; nothing happened to it."""

    type: ClassVar[str] = "case.restated.v1"


class CaseAccepted(CaseEvent):
    """The department accepted the case, or time did."""

    type: ClassVar[str] = "case.accepted.v1"


class CorrectionRequested(CaseEvent):
    """The applicant was told, once, what is missing."""

    type: ClassVar[str] = "case.correction_requested.v1"


class CaseCorrected(CaseEvent):
    """The applicant handed in what was missing."""

    type: ClassVar[str] = "case.corrected.v1"


class CaseNotAccepted(CaseEvent):
    """The department declined the application, or no permission is needed."""

    type: ClassVar[str] = "case.not_accepted.v1"


class CaseSuspended(CaseEvent):
    """A special procedure stops the clock."""

    type: ClassVar[str] = "case.suspended.v1"


class CaseResumed(CaseEvent):
    """The special procedure is over, the clock runs on."""

    type: ClassVar[str] = "case.resumed.v1"


class CaseExtended(CaseEvent):
    """The period was extended, once."""

    type: ClassVar[str] = "case.extended.v1"


class CaseReviewed(CaseEvent):
    """A review step has its opinion."""

    type: ClassVar[str] = "case.reviewed.v1"

    step: str
    outcome: Literal["agree", "disagree", "return"]


class CaseFinished(CaseEvent):
    """The result is with the applicant."""

    type: ClassVar[str] = "case.finished.v1"

    outcome: Literal["granted", "refused"]


class CaseWithdrawn(CaseEvent):
    """The applicant withdrew, or is taken to have withdrawn."""

    type: ClassVar[str] = "case.withdrawn.v1"


class CaseReturned(CaseEvent):
    """The correction did not come in time."""

    type: ClassVar[str] = "case.returned.v1"


class ResultOffered(BaseModel):
    """What the guide says a grant results in."""

    name: str
    type: str
    certificate_type: str | None
    validity_months: int | None
    public_fields: list[str]


class CaseDecided(CaseEvent):
    """The department granted or refused."""

    type: ClassVar[str] = "case.decided.v1"

    outcome: Literal["granted", "refused"]
    decided_on: date
    department_name: str
    item_code: str
    task_code: str | None
    results: list[ResultOffered]
    fields: dict[str, Any]


class CertificateClaimed(CaseEvent):
    """A certificate stands in for a material; `exchange` checks it."""

    type: ClassVar[str] = "case.certificate_claimed.v1"

    claim_id: UUID
    material_id: str
    certificate_code: str
    certificate_type: str | None


class FootprintRecorded(Event):
    """Someone other than the holder looked at personal data."""

    type: ClassVar[str] = "case.footprint_recorded.v1"
    key: ClassVar[str] = "footprint_id"

    footprint_id: UUID
    person_id: UUID
    at: datetime
    department_code: str | None
    department_name: str | None
    post: str | None
    actor_id: UUID
    fields: list[str]
    case_id: UUID
    case_no: str
    ground: str
    version: int


EVENTS: Final[tuple[type[Event], ...]] = (
    CaseSubmitted,
    CaseRestated,
    CaseAccepted,
    CorrectionRequested,
    CaseCorrected,
    CaseNotAccepted,
    CaseSuspended,
    CaseResumed,
    CaseExtended,
    CaseReviewed,
    CaseDecided,
    CaseFinished,
    CaseWithdrawn,
    CaseReturned,
    CertificateClaimed,
    FootprintRecorded,
)
