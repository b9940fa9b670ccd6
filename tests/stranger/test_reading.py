"""A case, its timeline and clock, its public progress, and what each reader may see."""

from __future__ import annotations

from typing import Any

import pytest

from .client import Visitor, refused
from .journey import Case, Network, accept, apply, take

UNKNOWN = "01900000-0000-7000-8000-000000000000"


def personal(network: Network, case: Case) -> set[str]:
    schema = network.public.read(f"/items/{case.item['item_id']}/form")["schema"]
    return {n for n, f in schema["properties"].items() if f.get("x-personal") and n in case.form}


def values(found: Any) -> list[Any]:
    if isinstance(found, dict):
        return [x for v in found.values() for x in values(v)]
    if isinstance(found, list):
        return [x for v in found for x in values(v)]
    return [found]


def test_the_applicant_finds_her_case_at_once(case: Case) -> None:
    mine = case.applicant.every("/me/cases")
    assert case.id in {c["case_id"] for c in mine}
    seen = case.applicant.read(case.path)
    assert seen["form"] == case.form
    assert seen["status"] == "submitted"
    assert seen["actions"]
    assert seen["links"]


def test_timeline_is_a_list_and_clock_an_object(network: Network, case: Case) -> None:
    accept(network, case)
    timeline = case.applicant.read(f"{case.path}/timeline")
    rows = timeline["data"] if isinstance(timeline, dict) else timeline
    assert len(rows) >= 2
    clock = case.applicant.read(f"{case.path}/clock")
    assert isinstance(clock, dict)
    assert "20" in str(clock)


def test_an_applicant_sees_no_officer_names(network: Network, case: Case) -> None:
    name = network.name_of(accept(network, case))
    assert name
    for tail in ("", "/timeline", "/clock"):
        assert name not in case.applicant.get(case.path + tail).text, tail


def test_somebody_elses_case_is_not_there(network: Network, case: Case) -> None:
    other = network.register()
    for tail in ("", "/timeline", "/clock"):
        refused(other.get(case.path + tail), 404)
        refused(other.get(f"/cases/{UNKNOWN}{tail}"), 404)
        refused(network.public.get(case.path + tail), 401)
    assert other.every("/me/cases") == []
    refused(other.post(f"{case.path}/withdrawal", json={"reason": "不办了"}), 404)


@pytest.mark.parametrize("name", ["就业困难人员认定", "最低生活保障"])
def test_staff_without_the_task_see_personal_fields_masked(
    network: Network, citizen: Visitor, name: str
) -> None:
    case = apply(citizen, network.item(name))
    clerk = network.staff(case.department, "clerk")
    colleague = network.staff(case.department, "clerk", but=clerk)
    take(clerk, case, "acceptance")
    holder, other = clerk.read(case.path), colleague.read(case.path)
    assert holder["form"] == case.form
    names = personal(network, case)
    assert names
    for field, value in case.form.items():
        masked = other["form"][field] != value
        assert masked == (field in names), field
    plain = str(values(other))
    strings = [
        case.form[n] for n in names if isinstance(case.form[n], str) and len(case.form[n]) > 4
    ]
    assert not [v for v in strings if v in plain]


def test_staff_of_another_department_do_not_know_the_case(network: Network, case: Case) -> None:
    far = next(
        s for s in network.samples["staff"]
        if s["roles"] == ["clerk"] and s["department_code"] != case.department
    )  # fmt: skip
    stranger = network.sign_in(far)
    for tail in ("", "/timeline", "/clock"):
        refused(stranger.get(case.path + tail), 404)
    assert case.id not in {t["case_id"] for t in stranger.every("/tasks", scope="pool")}
    refused(stranger.post(f"{case.path}/acceptance", json={}), 404)


def test_the_file_of_a_case_opens_for_its_clerk_and_is_recorded(
    network: Network, case: Case
) -> None:
    clerk = network.staff(case.department, "clerk")
    take(clerk, case, "acceptance")
    file_id = next(m["file_id"] for m in clerk.read(case.path)["materials"] if m.get("file_id"))
    assert clerk.get(f"/files/{file_id}").status_code == 200


def test_progress_tells_status_and_due_date_but_nobody(network: Network, case: Case) -> None:
    found = network.public.read(
        "/progress",
        params={"case_no": case.answer["case_no"], "query_code": case.answer["query_code"]},
    )
    assert found["status"] == "submitted"
    text = str(found)
    assert not [v for v in case.form.values() if isinstance(v, str) and len(v) > 5 and v in text]


def test_progress_with_a_wrong_code_is_404(network: Network, case: Case) -> None:
    code = case.answer["query_code"]
    wrong = code[:-1] + ("0" if code[-1] != "0" else "1")
    query = {"case_no": case.answer["case_no"], "query_code": wrong}
    refused(network.public.get("/progress", params=query), 404)
    refused(network.public.get("/progress", params={"case_no": "X" * 30, "query_code": code}), 404)
    refused(network.public.get("/progress", params={"case_no": case.answer["case_no"]}), 422)


def test_a_citizen_has_no_queue(citizen: Visitor) -> None:
    refused(citizen.get("/tasks"), 403)
