"""A case as it is shown, and what other views show of one: names, links, special procedures."""

from datetime import UTC, date, datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict

from case_svc.cases.rules.lifecycle import FINAL, MaterialState, State, TaskStatus
from case_svc.views.queries.detail import Detail, IntervalRow
from case_svc.views.usecases.detail import CaseView

# Moments that were computed may still be in Shanghai's time.
Moment = Annotated[datetime, AfterValidator(lambda moment: moment.astimezone(UTC))]


class NamedOut(BaseModel):
    code: str
    name: str | None


class IntervalOut(BaseModel):
    """A special procedure; the day it starts on is counted, the days after it are not."""

    procedure_id: UUID
    kind: str
    reason: str
    expected_days: int
    started_at: Moment
    ended_at: Moment | None
    result: str | None


def interval_out(interval: IntervalRow) -> IntervalOut:
    return IntervalOut(procedure_id=interval.interval_id, **interval._asdict())


def links_of(case_id: UUID, item_id: UUID) -> dict[str, str]:
    """Where to read on about a case."""
    path = f"/api/v1/cases/{case_id}"
    return {
        "self": path,
        "timeline": f"{path}/timeline",
        "clock": f"{path}/clock",
        "item": f"/api/v1/items/{item_id}",
    }


def action_links(
    actions: list[str],
    case_id: UUID,
    item_id: UUID,
    task_id: UUID | None = None,
    procedure_id: UUID | None = None,
) -> dict[str, str]:
    """Beside where to read on, where each action is: below the case, its task or its procedure."""
    links = links_of(case_id, item_id)
    case, task = links["self"], f"/api/v1/tasks/{task_id}"
    places = {name: f"{task}/{name}" for name in ("claim", "release", "transfer")}
    if procedure_id is not None:
        places["end"] = f"{case}/special-procedures/{procedure_id}/end"
    return links | {action: places.get(action, f"{case}/{action}") for action in actions}


# Who does what comes next, where no task says so.
_NEXT: dict[State, tuple[str, str]] = {
    State.DRAFT: ("applicant", "提交申请"),
    State.SUBMITTED: ("department", "受理"),
    State.CORRECTION_REQUIRED: ("applicant", "补正材料"),
    State.ACCEPTED: ("department", "审查"),
    State.IN_REVIEW: ("department", "审查"),
    State.SUSPENDED: ("third_party", "特别程序"),
    State.DECIDED: ("department", "制证"),
    State.CERTIFYING: ("department", "制证"),
    State.DELIVERING: ("department", "送达"),
}


class FromRow(BaseModel):
    """Filled from a row of the same field names."""

    model_config = ConfigDict(from_attributes=True)


class CompanyOut(FromRow):
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


class MaterialOut(FromRow):
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


class OpinionOut(BaseModel):
    step: str
    outcome: str
    opinion: str
    checks: list[dict[str, Any]]
    department_code: str | None
    post: str | None
    officer: str | None
    at: Moment


class CertificateOut(FromRow):
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


def case_out(view: CaseView) -> CaseOut:
    """The row's own fields by name; below, what is put together or masked."""
    detail, content = view.detail, view.content
    case = detail.case
    return CaseOut.model_validate(
        case._asdict()
        | {
            "query_code": view.query_code,
            "department": NamedOut(code=case.department_code, name=case.department_name),
            "region": NamedOut(code=case.region_code, name=case.region_name),
            "applicant": ApplicantOut(
                type=case.applicant_type,
                person_id=case.person_id,
                name=content.name,
                id_number=content.id_number,
                mobile=content.mobile,
                company=CompanyOut.model_validate(detail.company) if detail.company else None,
            ),
            "answers": content.answers,
            "form": content.form,
            "materials": detail.materials,
            "now_with": _now_with(detail, view.holder),
            "next": _next(detail, view.until),
            "intervals": [interval_out(interval) for interval in detail.intervals],
            # Failed claims, as items a correction notice can name.
            "suggested_corrections": [
                LackOut(
                    pointer=None,
                    material_id=material.material_id,
                    reason=material.reason or "电子证照核验未通过",
                )
                for material in detail.materials
                if material.state == MaterialState.FAILED
            ],
            "opinions": [
                opinion._asdict() | {"officer": officer}
                for opinion, officer in zip(detail.opinions, view.reviewers, strict=True)
            ],
            "decision": case.decision and case.decision | {"officer": view.decider},
            "certificates": detail.certificates,
            "actions": view.actions,
            "links": _links(view),
        }
    )


def _now_with(detail: Detail, holder: str | None) -> NowWithOut | None:
    case, task = detail.case, detail.task
    if task is None:
        return None
    own = task.department_code == case.department_code
    return NowWithOut(
        department=NamedOut(code=task.department_code, name=case.department_name if own else None),
        post=task.post,
        claimed=task.status == TaskStatus.HELD,
        officer=holder,
    )


def _next(detail: Detail, until: date | None) -> NextOut | None:
    state = State(detail.case.status)
    if state in FINAL:
        return None
    by, name = _NEXT[state]
    waits = state in (State.DRAFT, State.CORRECTION_REQUIRED, State.SUSPENDED)
    task = None if waits else detail.task
    return NextOut(
        by=by, step=task.step if task else None, name=task.name if task else name, until=until
    )


def _links(view: CaseView) -> dict[str, str]:
    case, task = view.detail.case, view.detail.task
    pending = [row.interval_id for row in view.detail.intervals if row.ended_at is None]
    links = action_links(
        view.actions,
        case.case_id,
        case.item_id,
        task_id=task.task_id if task else None,
        procedure_id=pending[-1] if pending else None,
    )
    if view.detail.certificates and view.viewer == "party":
        links["certificates"] = "/api/v1/me/certificates"
    return links
