"""A case as it is shown."""

from datetime import UTC, date, datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import AfterValidator, BaseModel

from case_svc.cases.lifecycle import FINAL, State
from case_svc.cases.models import Case, CaseInterval, CaseMaterial
from case_svc.cases.usecases.showing import CaseView

Moment = Annotated[datetime, AfterValidator(lambda moment: moment.astimezone(UTC))]

_BY: dict[State, tuple[str, str]] = {
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


class NamedOut(BaseModel):
    code: str
    name: str | None


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
    """A line of the applicant's list."""

    case_id: UUID
    case_no: str | None
    item_id: UUID
    item_name: str
    department: NamedOut
    company_id: UUID | None
    status: str
    outcome: str | None
    step: str | None
    created_at: Moment
    submitted_at: Moment | None
    ended_at: Moment | None
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


def case_out(view: CaseView) -> CaseOut:
    case = view.case
    return CaseOut(
        case_id=case.case_id,
        case_no=case.case_no,
        query_code=view.query_code,
        status=case.status,
        outcome=case.outcome,
        item_id=case.item_id,
        item_version=case.item_version,
        item_name=case.item_name,
        department=NamedOut(code=case.department_code, name=case.department_name),
        region=NamedOut(code=case.region_code, name=case.region_name),
        applicant=_applicant(view),
        answers=dict(view.content.answers),
        form=dict(view.content.form),
        materials=[_material(one) for one in view.materials],
        step=case.step,
        now_with=_now_with(view),
        next=_next(view),
        intervals=intervals_out(view.intervals),
        correction=CorrectionOut.model_validate(case.correction) if case.correction else None,
        suggested_corrections=_suggested(view),
        non_acceptance=NonAcceptanceOut.model_validate(case.non_acceptance)
        if case.non_acceptance
        else None,
        extension=ExtensionOut.model_validate(case.extension) if case.extension else None,
        opinions=_opinions(view),
        decision=_decision(view),
        certificates=[
            CertificateOut(
                code=one.code,
                type=one.type,
                name=one.name,
                issued_on=one.issued_on,
                valid_to=one.valid_to,
            )
            for one in view.certificates
        ],
        created_at=case.created_at,
        submitted_at=case.submitted_at,
        received_at=case.received_at,
        accepted_at=case.accepted_at,
        decided_at=case.decided_at,
        ended_at=case.ended_at,
        version=case.version,
        actions=view.actions,
        links=links_of(view),
    )


def row_out(case: Case) -> CaseRowOut:
    return CaseRowOut(
        case_id=case.case_id,
        case_no=case.case_no,
        item_id=case.item_id,
        item_name=case.item_name,
        department=NamedOut(code=case.department_code, name=case.department_name),
        company_id=case.company_id,
        status=case.status,
        outcome=case.outcome,
        step=case.step,
        created_at=case.created_at,
        submitted_at=case.submitted_at,
        ended_at=case.ended_at,
        links=standing_links(case),
    )


def progress_out(case: Case, due_on: date | None) -> ProgressOut:
    assert case.case_no is not None
    assert case.submitted_at is not None
    return ProgressOut(
        case_no=case.case_no,
        item_name=case.item_name,
        department=NamedOut(code=case.department_code, name=case.department_name),
        status=case.status,
        outcome=case.outcome,
        step=case.step,
        due_on=due_on,
        submitted_at=case.submitted_at,
        ended_at=case.ended_at,
    )


def standing_links(case: Case) -> dict[str, str]:
    here = f"/api/v1/cases/{case.case_id}"
    return {
        "self": here,
        "timeline": f"{here}/timeline",
        "clock": f"{here}/clock",
        "item": f"/api/v1/items/{case.item_id}",
    }


def links_of(view: CaseView) -> dict[str, str]:
    """Where each possible action is, beside where to read on."""
    here = f"/api/v1/cases/{view.case.case_id}"
    links = standing_links(view.case)
    running = next((one for one in view.intervals if one.ended_at is None), None)
    for action in view.actions:
        if action in ("claim", "release", "transfer") and view.task is not None:
            links[action] = f"/api/v1/tasks/{view.task.task_id}/{action}"
        elif action == "end" and running is not None:
            links[action] = f"{here}/special-procedures/{running.interval_id}/end"
        else:
            links[action] = f"{here}/{action}"
    if view.certificates and view.viewer == "party":
        links["certificates"] = "/api/v1/me/certificates"
    return links


def intervals_out(intervals: list[CaseInterval]) -> list[IntervalOut]:
    return [
        IntervalOut(
            procedure_id=one.interval_id,
            kind=one.kind,
            reason=one.reason,
            expected_days=one.expected_days,
            started_at=one.started_at,
            ended_at=one.ended_at,
            result=one.result,
        )
        for one in intervals
    ]


def _applicant(view: CaseView) -> ApplicantOut:
    person, company = view.content.person, view.content.company
    return ApplicantOut(
        type=view.case.applicant_type,
        person_id=view.case.person_id,
        name=person.name,
        id_number=person.id_number,
        mobile=person.mobile,
        company=CompanyOut(company_id=company.company_id, name=company.name, uscc=company.uscc)
        if company
        else None,
    )


def _material(one: CaseMaterial) -> MaterialOut:
    return MaterialOut(
        material_id=one.material_id,
        name=one.name,
        state=one.state,
        required=one.required,
        file_id=one.file_id,
        certificate_code=one.certificate_code,
        reason=one.reason,
        promised_until=one.promised_until,
    )


def _now_with(view: CaseView) -> NowWithOut | None:
    task, case = view.task, view.case
    if task is None:
        return None
    own = task.department_code == case.department_code
    return NowWithOut(
        department=NamedOut(code=task.department_code, name=case.department_name if own else None),
        post=task.post,
        claimed=task.status == "held",
        officer=view.officers.get(task.holder_id) if task.holder_id else None,
    )


def _next(view: CaseView) -> NextOut | None:
    state = view.case.state
    if state in FINAL:
        return None
    by, name = _BY[state]
    waits = state in (State.DRAFT, State.CORRECTION_REQUIRED, State.SUSPENDED)
    task = None if waits else view.task
    return NextOut(
        by=by,
        step=task.step if task else None,
        name=task.name if task else name,
        until=view.until,
    )


def _suggested(view: CaseView) -> list[LackOut]:
    """Failed claims, as items a correction notice can name."""
    return [
        LackOut(
            pointer=None, material_id=one.material_id, reason=one.reason or "电子证照核验未通过"
        )
        for one in view.materials
        if one.state == "failed"
    ]


def _opinions(view: CaseView) -> list[OpinionOut]:
    return [
        OpinionOut(
            step=one.step,
            outcome=one.outcome,
            opinion=one.opinion,
            checks=one.checks,
            department_code=one.department_code,
            post=one.post,
            officer=view.officers.get(one.officer_id),
            at=one.at,
        )
        for one in view.opinions
    ]


def _decision(view: CaseView) -> DecisionOut | None:
    decision, case = view.case.decision, view.case
    if decision is None:
        return None
    return DecisionOut(
        outcome=decision["outcome"],
        reason=decision["reason"],
        remedies=decision["remedies"],
        decided_on=date.fromisoformat(decision["decided_on"]),
        officer=view.officers.get(case.decided_by) if case.decided_by else None,
    )
