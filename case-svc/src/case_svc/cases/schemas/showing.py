"""A case as it is shown: from rows to shapes."""

from collections.abc import Mapping
from datetime import date
from typing import Any
from uuid import UUID

from pydantic_core import to_json

from case_svc.cases.lifecycle import FINAL, State
from case_svc.cases.models import Case, CaseInterval, CaseMaterial
from case_svc.cases.schemas.shapes import (
    ApplicantOut,
    CaseOut,
    CertificateOut,
    CompanyOut,
    CorrectionOut,
    DecisionOut,
    ExtensionOut,
    IntervalOut,
    LackOut,
    MaterialOut,
    NextOut,
    NonAcceptanceOut,
    NowWithOut,
    OpinionOut,
    ProgressOut,
    named,
)
from case_svc.cases.usecases.showing import CaseView

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
        department=named(case.department_code, case.department_name),
        region=named(case.region_code, case.region_name),
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


def row_line(line: Mapping[str, Any]) -> bytes:
    """`CaseRowOut` from a row of the columns a line shows, as JSON.

    The driver's ids are given as text: of a class it does not know the writer asks at length.
    """
    case_id, item_id, company_id = str(line["case_id"]), str(line["item_id"]), line["company_id"]
    return to_json(
        {
            "case_id": case_id,
            "case_no": line["case_no"],
            "item_id": item_id,
            "item_name": line["item_name"],
            "department": {"code": line["department_code"], "name": line["department_name"]},
            "company_id": company_id and str(company_id),
            "status": line["status"],
            "outcome": line["outcome"],
            "step": line["step"],
            "created_at": line["created_at"],
            "submitted_at": line["submitted_at"],
            "ended_at": line["ended_at"],
            "links": _links(case_id, item_id),
        }
    )


def progress_out(case: Case, due_on: date | None) -> ProgressOut:
    assert case.case_no is not None
    assert case.submitted_at is not None
    return ProgressOut(
        case_no=case.case_no,
        item_name=case.item_name,
        department=named(case.department_code, case.department_name),
        status=case.status,
        outcome=case.outcome,
        step=case.step,
        due_on=due_on,
        submitted_at=case.submitted_at,
        ended_at=case.ended_at,
    )


def standing_links(case: Case) -> dict[str, str]:
    return _links(case.case_id, case.item_id)


def _links(case_id: UUID | str, item_id: UUID | str) -> dict[str, str]:
    here = f"/api/v1/cases/{case_id}"
    return {
        "self": here,
        "timeline": f"{here}/timeline",
        "clock": f"{here}/clock",
        "item": f"/api/v1/items/{item_id}",
    }


def links_of(view: CaseView) -> dict[str, str]:
    """Where each possible action is, beside where to read on."""
    links = action_links(view.case, view.actions)
    for action in {"claim", "release", "transfer"} & set(view.actions):
        assert view.task is not None
        links[action] = f"/api/v1/tasks/{view.task.task_id}/{action}"
    for one in view.intervals:
        if one.ended_at is None and "end" in view.actions:
            procedure = f"/api/v1/cases/{view.case.case_id}/special-procedures/{one.interval_id}"
            links["end"] = f"{procedure}/end"
    if view.certificates and view.viewer == "party":
        links["certificates"] = "/api/v1/me/certificates"
    return links


def action_links(case: Case, actions: list[str]) -> dict[str, str]:
    """An action is where its name is, below the case."""
    links = standing_links(case)
    here = links["self"]
    return links | {action: f"{here}/{action}" for action in actions}


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
        department=named(task.department_code, case.department_name if own else None),
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
        by=by, step=task.step if task else None, name=task.name if task else name, until=view.until
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
