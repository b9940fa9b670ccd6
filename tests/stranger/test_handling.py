"""What staff and applicant may do with a case, and when."""

from __future__ import annotations

from typing import Any

import pytest

from .client import Visitor, refused, until
from .journey import (
    GRANT,
    REFUSE,
    Case,
    Network,
    accept,
    apply,
    decide,
    finished,
    passed,
    review,
    review_steps,
    take,
    task_of,
    to_decision,
)


def holding(network: Network, case: Case) -> Visitor:
    clerk = network.staff(case.department, "clerk")
    take(clerk, case, "acceptance")
    return clerk


def notice(case: Case) -> dict[str, Any]:
    name = next(iter(case.form))
    return {"items": [{"pointer": f"/form/{name}", "reason": "与证件不一致，请核对后重新填写。"}]}


def test_acceptance_starts_the_clock_and_the_next_step(network: Network, case: Case) -> None:
    clerk = holding(network, case)
    seen = clerk.do(f"{case.path}/acceptance")
    assert seen["status"] in ("accepted", "in_review")
    refused(clerk.post(f"{case.path}/acceptance", json={}), 409)


def test_a_stale_if_match_is_412_and_changes_nothing(network: Network, case: Case) -> None:
    clerk = holding(network, case)
    refused(clerk.post(f"{case.path}/acceptance", json={}, headers={"If-Match": '"0-stale"'}), 412)
    answer = clerk.get(case.path)
    assert answer.json()["status"] == "submitted"
    fresh = {"If-Match": answer.headers["ETag"]}
    assert clerk.post(f"{case.path}/acceptance", json={}, headers=fresh).status_code == 200


def test_one_correction_notice_and_no_second(network: Network, case: Case) -> None:
    clerk = holding(network, case)
    seen = clerk.do(f"{case.path}/correction-notice", notice(case))
    assert seen["status"] == "correction_required"
    assert "correction" in case.applicant.read(case.path)["actions"]
    refused(clerk.post(f"{case.path}/acceptance", json={}), 409)
    name, value = next(iter(case.form.items()))
    assert (
        case.applicant.do(f"{case.path}/correction", {"form": {name: value}})["status"]
        == "submitted"
    )
    if task_of(clerk, case, "acceptance", "mine") is None:
        take(clerk, case, "acceptance")
    refused(clerk.post(f"{case.path}/correction-notice", json=notice(case)), 409)
    assert clerk.do(f"{case.path}/acceptance")["status"] in ("accepted", "in_review")


def test_a_correction_replaces_only_what_was_sent(network: Network, case: Case) -> None:
    clerk = holding(network, case)
    clerk.do(f"{case.path}/correction-notice", notice(case))
    material = next(
        m["material_id"] for m in case.applicant.read(case.path)["materials"] if m.get("file_id")
    )
    fresh = case.applicant.upload(name="更正.pdf")
    sent = {"materials": [{"material_id": material, "file_id": fresh}]}
    case.applicant.do(f"{case.path}/correction", sent)
    seen = case.applicant.read(case.path)
    assert seen["form"] == case.form
    assert fresh in {m.get("file_id") for m in seen["materials"]}


@pytest.mark.parametrize(
    "body",
    [{"items": []}, {}, {"items": [{"reason": "没有指向"}]}, {"items": [{"pointer": "/form/zz"}]}],
)
def test_a_notice_must_say_what_and_why(network: Network, case: Case, body: dict[str, Any]) -> None:
    clerk = holding(network, case)
    refused(clerk.post(f"{case.path}/correction-notice", json=body), 422)


def test_a_correction_nobody_asked_for_is_409(case: Case) -> None:
    refused(case.applicant.post(f"{case.path}/correction", json={"form": {}}), 409, 422)
    name, value = next(iter(case.form.items()))
    refused(case.applicant.post(f"{case.path}/correction", json={"form": {name: value}}), 409)


@pytest.mark.parametrize(
    ("reason_code", "status"),
    [
        ("not_required", "not_required"),
        ("not_competent", "not_accepted"),
        ("duplicate", "not_accepted"),
    ],
)
def test_non_acceptance_is_written_with_its_reason(
    network: Network, case: Case, reason_code: str, status: str
) -> None:
    clerk = holding(network, case)
    path = f"{case.path}/non-acceptance"
    refused(
        clerk.post(
            path, json={"reason_code": "because", "reason": "x", "competent_authority": None}
        ),
        422,
    )
    body = {
        "reason_code": reason_code,
        "reason": "所申请事项不属于本机关职权范围。",
        "competent_authority": "广安区住建局",
    }
    assert clerk.do(path, body)["status"] == status
    assert case.applicant.read(case.path)["status"] == status
    refused(case.applicant.post(f"{case.path}/withdrawal", json={"reason": "不办了"}), 409)


def test_a_citizen_may_not_do_the_clerks_work(case: Case) -> None:
    for action in (
        "acceptance",
        "correction-notice",
        "non-acceptance",
        "opinions",
        "decision",
        "extension",
    ):
        refused(case.applicant.post(f"{case.path}/{action}", json={}), 403, 422)
    assert case.applicant.read(case.path)["status"] == "submitted"


def test_a_required_check_may_not_be_left_out(network: Network, case: Case) -> None:
    accept(network, case)
    step = review_steps(case)[0]
    officer = network.staff(case.department, "clerk")
    task = take(officer, case, step)
    body = {"step": step, "outcome": "agree", "opinion": "同意。", "checks": []}
    assert any(c["required"] for c in task["checks"])
    refused(officer.post(f"{case.path}/opinions", json=body), 422)
    needed = [
        c
        for c in passed(task)
        if next(x for x in task["checks"] if x["check_id"] == c["check_id"])["required"]
    ]
    officer.do(f"{case.path}/opinions", body | {"checks": needed})


@pytest.mark.parametrize(
    "change", [{"outcome": "perhaps"}, {"step": "decision"}, {"step": "zz"}, {"opinion": ""}]
)
def test_a_crooked_opinion_is_refused(network: Network, case: Case, change: dict[str, Any]) -> None:
    accept(network, case)
    step = review_steps(case)[0]
    officer = network.staff(case.department, "clerk")
    task = take(officer, case, step)
    body = {"step": step, "outcome": "agree", "opinion": "同意。", "checks": passed(task)}
    refused(officer.post(f"{case.path}/opinions", json=body | change), 409, 422)


def test_a_special_procedure_stops_the_clock_until_it_ends(network: Network, case: Case) -> None:
    accept(network, case)
    step = review_steps(case)[0]
    officer = network.staff(case.department, "clerk")
    take(officer, case, step)
    path = f"{case.path}/special-procedures"
    refused(officer.post(path, json={"kind": "holiday", "reason": "x", "expected_days": 3}), 422)
    clock = officer.do(
        path, {"kind": "expert_review", "reason": "需要专家评审。", "expected_days": 5}
    )
    assert case.applicant.read(case.path)["status"] == "suspended"
    refused(officer.post(path, json={"kind": "hearing", "reason": "x", "expected_days": 3}), 409)
    procedure = procedure_id(clock) or procedure_id(officer.read(case.path))
    assert procedure
    ended = officer.do(f"{path}/{procedure}/end", {"result": "专家一致同意。"})
    assert isinstance(ended, dict)
    assert case.applicant.read(case.path)["status"] in ("accepted", "in_review")
    refused(officer.post(f"{path}/{procedure}/end", json={"result": "再来一次"}), 409)


def procedure_id(found: Any) -> str | None:
    """The id of the special procedure, wherever the answer shows it."""
    if isinstance(found, dict):
        for name, value in found.items():
            if name in ("procedure_id", "special_procedure_id"):
                return str(value)
            inner = procedure_id(value)
            if inner:
                return inner
    if isinstance(found, list):
        for value in found:
            inner = procedure_id(value)
            if inner:
                return inner
    return None


def test_an_extension_is_granted_once_by_a_decider(network: Network, case: Case) -> None:
    to_decision(network, case)
    decider = network.staff(case.department, "decider")
    take(decider, case, "decision")
    before = case.applicant.read(f"{case.path}/clock")
    path, body = f"{case.path}/extension", {"days": 3, "reason": "需要跨部门核实。"}
    clerk = network.staff(case.department, "clerk")
    refused(clerk.post(path, json=body), 403, 409)
    refused(decider.post(path, json=body | {"days": 0}), 422)
    decider.do(path, body)
    assert case.applicant.read(f"{case.path}/clock") != before
    refused(decider.post(path, json=body), 409)


def test_a_clerk_does_not_decide(network: Network, case: Case) -> None:
    to_decision(network, case)
    clerk = network.staff(case.department, "clerk")
    refused(clerk.post(f"{case.path}/decision", json=GRANT), 403)
    assert task_of(clerk, case, "decision") is None


def test_who_accepted_never_decides(network: Network, case: Case) -> None:
    both = network.staff(case.department, "clerk", "decider")
    accept(network, case, both)
    for step in review_steps(case):
        review(network, case, step)
    assert task_of(both, case, "decision") is None
    decider = network.staff(case.department, "decider")
    task = task_of(decider, case, "decision")
    assert task is not None
    refused(both.post(f"/tasks/{task['task_id']}/claim", json={}), 403)
    refused(both.post(f"{case.path}/decision", json=GRANT), 403, 409)


def test_a_refusal_needs_reason_and_remedies(network: Network, case: Case) -> None:
    to_decision(network, case)
    decider = network.staff(case.department, "decider")
    take(decider, case, "decision")
    path = f"{case.path}/decision"
    for broken in (
        REFUSE | {"remedies": None},
        REFUSE | {"reason": ""},
        REFUSE | {"outcome": "maybe"},
    ):
        refused(decider.post(path, json=broken), 422)
    decider.do(path, REFUSE)
    seen = finished(case)
    assert seen["outcome"] == "refused"
    assert REFUSE["remedies"] in str(seen)


def test_an_immediate_item_is_finished_by_one_officer(network: Network, citizen: Visitor) -> None:
    item = network.item("申领《四川省老年人优待证》")
    made = apply(citizen, item)
    both = network.staff(made.department, "clerk", "decider")
    accept(network, made, both)
    if task_of(both, made, "decision", "mine") is None:
        take(both, made, "decision")
    both.do(f"{made.path}/decision", GRANT)
    assert finished(made)["outcome"] == "granted"


def test_a_case_is_withdrawn_before_the_decision_and_never_after(
    network: Network, citizen: Visitor, item: dict[str, Any], case: Case
) -> None:
    accept(network, case)
    seen = citizen.do(f"{case.path}/withdrawal", {"reason": "情况有变，不再申请。"})
    assert seen["status"] == "withdrawn"
    refused(citizen.post(f"{case.path}/withdrawal", json={"reason": "再撤一次"}), 409)
    other = apply(citizen, item)
    to_decision(network, other)
    decide(network, other)
    refused(citizen.post(f"{other.path}/withdrawal", json={"reason": "晚了"}), 409)


def test_a_withdrawn_case_leaves_every_queue(network: Network, case: Case) -> None:
    clerk = network.staff(case.department, "clerk")
    assert task_of(clerk, case, "acceptance") is not None
    case.applicant.do(f"{case.path}/withdrawal", {"reason": "不办了"})
    until(lambda: task_of(clerk, case, "acceptance") is None)
