"""Drafts, one-call submission, idempotency, receipt, companies, claimed certificates."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from joserfc import jws
from joserfc.jwk import KeySet

from .client import Visitor, done, refused
from .journey import Case, Json, Network, accept, apply, draft_body, failed_claim, key, submit, take
from .people import certificate_code

UNKNOWN = "01900000-0000-7000-8000-000000000000"


def test_one_call_submits(case: Case) -> None:
    assert case.answer["status"] == "submitted"
    assert case.answer["case_no"]
    assert len(case.answer["case_no"]) <= 50
    assert case.answer["query_code"]
    assert "withdrawal" in case.answer["actions"]
    assert case.answer["links"]


def test_the_receipt_is_verified_with_the_published_keys(network: Network, case: Case) -> None:
    keys = httpx.get(f"{network.base_url}/.well-known/jwks.json").json()
    assert all(not {"d", "p", "q", "k"} & set(k) for k in keys["keys"]), "a private key is out"
    receipt = case.answer["receipt"]
    seen = jws.deserialize_compact(receipt, KeySet.import_key_set(keys), algorithms=["ES256"])
    assert case.answer["case_no"] in seen.payload.decode()
    head, body, signature = receipt.split(".")
    for forged in (f"{head}.{body[:-4]}AAAA.{signature}", f"{head}.{body}.{signature[:-6]}AAAAAA"):
        with pytest.raises(Exception):  # noqa: B017, PT011 - any refusal will do
            jws.deserialize_compact(forged, KeySet.import_key_set(keys), algorithms=["ES256"])


def test_a_draft_is_completed_step_by_step(citizen: Visitor, item: dict[str, Any]) -> None:
    body = draft_body(citizen, item)
    begun = body | {"form": {}, "materials": [], "submit": False}
    draft = done(submit(citizen, begun), 201)
    assert draft["status"] == "draft"
    path = f"/cases/{draft['case_id']}"
    refused(citizen.post(f"{path}/submission", json={}), 422)
    tag = citizen.get(path).headers["ETag"]
    change = {"form": body["form"], "materials": body["materials"]}
    refused(citizen.call("PATCH", path, json=change), 428)
    refused(citizen.call("PATCH", path, json=change, headers={"If-Match": '"0-stale"'}), 412)
    changed = citizen.call("PATCH", path, json=change, headers={"If-Match": tag})
    assert changed.status_code == 200
    assert changed.headers["ETag"] != tag
    refused(citizen.call("PATCH", path, json=change, headers={"If-Match": tag}), 412)
    sent = citizen.do(f"{path}/submission")
    assert sent["status"] == "submitted"
    latest = citizen.get(path).headers["ETag"]
    refused(citizen.call("PATCH", path, json=change, headers={"If-Match": latest}), 409)


def test_submission_without_a_key_is_428(citizen: Visitor, item: dict[str, Any]) -> None:
    refused(citizen.post("/cases", json=draft_body(citizen, item)), 428)


@pytest.mark.parametrize("quoted", [False, True])
def test_the_same_key_and_body_give_the_same_answer(
    citizen: Visitor, item: dict[str, Any], *, quoted: bool
) -> None:
    body, token = draft_body(citizen, item), secrets.token_hex(12)
    headers = {"Idempotency-Key": f'"{token}"' if quoted else token}
    first, second = submit(citizen, body, headers), submit(citizen, body, headers)
    assert first.status_code == second.status_code == 201
    assert first.json() == second.json()


def test_the_same_key_with_another_body_is_422(citizen: Visitor, item: dict[str, Any]) -> None:
    body, headers = draft_body(citizen, item), key()
    done(submit(citizen, body, headers), 201)
    refused(submit(citizen, body | {"submit": False}, headers), 422)


def test_keys_belong_to_one_client(
    network: Network, citizen: Visitor, item: dict[str, Any]
) -> None:
    headers, other = key(), network.register()
    mine = done(submit(citizen, draft_body(citizen, item), headers), 201)
    hers = done(submit(other, draft_body(other, item), headers), 201)
    assert mine["case_id"] != hers["case_id"]


def test_the_same_key_at_the_same_time_makes_one_case(
    citizen: Visitor, item: dict[str, Any]
) -> None:
    body, headers = draft_body(citizen, item), key()
    before = len(citizen.every("/me/cases"))
    assert citizen.token
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: submit(citizen, body, headers), range(4)))
    assert {a.status_code for a in answers} <= {201, 409}
    assert len({a.json()["case_id"] for a in answers if a.status_code == 201}) == 1
    assert len(citizen.every("/me/cases")) == before + 1


def test_an_unknown_item_is_refused(citizen: Visitor, item: dict[str, Any]) -> None:
    refused(submit(citizen, draft_body(citizen, item) | {"item_id": UNKNOWN}), 404, 422)


def test_a_foreign_file_is_refused_as_if_unknown(
    network: Network, citizen: Visitor, item: dict[str, Any]
) -> None:
    body = draft_body(citizen, item)
    foreign, verdicts = network.register().upload(), []
    for file_id in (foreign, UNKNOWN):
        materials = [m | {"file_id": file_id} if "file_id" in m else m for m in body["materials"]]
        verdicts.append(refused(submit(citizen, body | {"materials": materials}), 404, 422))
    assert verdicts[0]["type"] == verdicts[1]["type"]


def without_first(form: Json) -> Json:
    return dict(list(form.items())[1:])


def promised(materials: list[Json]) -> list[Json]:
    return [{"material_id": m["material_id"], "promise": True} for m in materials]


UNHEARD = {"material_id": "zz", "promise": True}
SPOILED: dict[str, tuple[Callable[[Json], Json], str]] = {
    "missing field": (lambda b: {"form": without_first(b["form"])}, "/form"),
    "wrong type": (lambda b: {"form": {name: {"a": 1} for name in b["form"]}}, "/form/"),
    "extra field": (lambda b: {"form": b["form"] | {"surprise": 1}}, "/form"),
    "missing material": (lambda _: {"materials": []}, "/materials"),
    "unknown material": (lambda b: {"materials": [*b["materials"], UNHEARD]}, "/materials"),
    "unknown question": (lambda _: {"answers": {"zz": "a"}}, "/answers"),
    "promise not allowed": (lambda b: {"materials": promised(b["materials"])}, "/materials"),
    "extra member": (lambda _: {"surprise": True}, "/surprise"),
}


def test_an_answer_that_is_not_offered_is_422(citizen: Visitor, item: dict[str, Any]) -> None:
    question = item["questions"][0]["question_id"]
    body = draft_body(citizen, item) | {"answers": {question: "no such option"}}
    problem = refused(submit(citizen, body), 422)
    assert any(e["pointer"] == f"/answers/{question}" for e in problem["errors"])


@pytest.mark.parametrize("kind", SPOILED)
def test_a_wrong_application_is_422_with_pointers_and_changes_nothing(
    citizen: Visitor, item: dict[str, Any], kind: str
) -> None:
    change, pointer = SPOILED[kind]
    body = draft_body(citizen, item)
    body |= change(body)
    before = len(citizen.every("/me/cases"))
    problem = refused(submit(citizen, body), 422)
    assert any(e["pointer"].startswith(pointer) for e in problem["errors"]), problem
    assert len(citizen.every("/me/cases")) == before


ILL = {"illness": "illness"}


def test_a_promised_material_has_its_due_date_and_may_follow_until_then(
    network: Network, citizen: Visitor
) -> None:
    made = apply(citizen, network.item("最低生活保障"), ILL, promise=True)
    given = citizen.read(made.path)["materials"]
    owed = [m for m in given if m["state"] == "promised"]
    assert owed
    assert all(m["promised_until"] for m in owed)
    accept(network, made)
    files = [{"material_id": m["material_id"], "file_id": citizen.upload()} for m in owed]
    citizen.do(f"{made.path}/correction", {"materials": files})
    states = {m["state"] for m in citizen.read(made.path)["materials"]}
    assert "promised" not in states


def test_what_may_follow_later_is_promised_and_not_forgotten(
    network: Network, citizen: Visitor
) -> None:
    item = network.item("最低生活保障")
    body = draft_body(citizen, item, ILL, promise=True)
    without = [m for m in body["materials"] if "promise" not in m]
    assert len(without) < len(body["materials"])
    problem = refused(submit(citizen, body | {"materials": without}), 422)
    assert any(e["pointer"].startswith("/materials") for e in problem["errors"])


def test_staff_do_not_apply(network: Network, citizen: Visitor, item: dict[str, Any]) -> None:
    clerk = network.sign_in(next(s for s in network.samples["staff"] if s["roles"] == ["clerk"]))
    refused(submit(clerk, draft_body(citizen, item)), 403)


KINDS = {"9": "enterprise", "5": "social_organisation"}  # by the first character of the code


def companies(network: Network) -> dict[str, tuple[Visitor, Json]]:
    """One sample company of each kind, with its agent."""
    found = {}
    for account in network.samples["companies"]:
        agent = network.sign_in(account)
        for company in agent.read("/me/companies")["data"]:
            found[KINDS[company["uscc"][0]]] = (agent, company)
    return found


def test_a_company_applies_through_its_agent(network: Network) -> None:
    agent, company = companies(network)["enterprise"]
    item = network.item("道路货物运输经营许可")

    def send() -> httpx.Response:
        more = {"applicant_type": "enterprise", "on_behalf_of": company["company_id"]}
        return submit(agent, draft_body(agent, item, **more))

    answer = done(send(), 201)
    assert answer["case_id"] in {c["case_id"] for c in agent.every("/me/cases")}


def test_every_open_item_takes_the_application_its_own_guide_describes(
    network: Network, citizen: Visitor
) -> None:
    for row in network.public.every("/items"):
        if row["status"] != "open":
            continue
        item = network.item(row["name"])
        if "natural_person" in item["audience"]:
            made = apply(citizen, item, promise=True)
        else:
            kind = next(k for k in KINDS.values() if k in item["audience"])
            agent, company = companies(network)[kind]
            held = company["company_id"]
            made = apply(agent, item, promise=True, applicant_type=kind, on_behalf_of=held)
        assert made.answer["status"] == "submitted", item["name"]
        made.applicant.do(f"{made.path}/withdrawal", {"reason": "只为核对办事指南。"})


def test_nobody_acts_for_a_company_that_is_not_hers(
    network: Network, citizen: Visitor, item: dict[str, Any]
) -> None:
    _, company = companies(network)["enterprise"]
    for company_id in (company["company_id"], UNKNOWN):
        body = draft_body(citizen, item, on_behalf_of=company_id)
        refused(submit(citizen, body), 403, 404, 422)


def bogus_claims(network: Network, citizen: Visitor) -> tuple[Case, Visitor, list[Json]]:
    """A case whose claimed certificates nobody issued, its clerk, and what she is offered."""
    item = network.item("困难残疾人生活补贴")
    kinds = {m["certificate_type"] for m in item["materials"] if m["certificate_type"]}
    codes = {k: certificate_code(k, k[:18], secrets.token_hex(8).upper()) for k in kinds}
    made = apply(citizen, item, certificates=codes)
    clerk = network.staff(made.department, "clerk")
    take(clerk, made, "acceptance")
    refused(clerk.post(f"{made.path}/acceptance", json={}), 409)
    offered = failed_claim(clerk, made)["suggested_corrections"]
    assert len(offered) == len(codes)
    return made, clerk, offered


def test_a_claimed_certificate_that_nobody_issued_stops_acceptance(
    network: Network, citizen: Visitor
) -> None:
    made, clerk, offered = bogus_claims(network, citizen)
    refused(clerk.post(f"{made.path}/acceptance", json={}), 409)
    asked = [{"material_id": o["material_id"], "reason": o["reason"]} for o in offered]
    seen = clerk.do(f"{made.path}/correction-notice", {"items": asked})
    assert seen["status"] == "correction_required"
    files = [{"material_id": o["material_id"], "file_id": citizen.upload()} for o in offered]
    assert citizen.do(f"{made.path}/correction", {"materials": files})["status"] == "submitted"
    accept(network, made, clerk)


def test_who_brings_all_that_the_notice_asked_for_is_done(
    network: Network, citizen: Visitor
) -> None:
    made, clerk, offered = bogus_claims(network, citizen)
    only = offered[0]["material_id"]
    asked = [{"material_id": only, "reason": "证照核验未通过，请上传原件照片。"}]
    clerk.do(f"{made.path}/correction-notice", {"items": asked})
    files = [{"material_id": only, "file_id": citizen.upload()}]
    assert citizen.do(f"{made.path}/correction", {"materials": files})["status"] == "submitted"


def test_a_certificate_code_with_a_wrong_check_digit_is_never_good(
    network: Network, citizen: Visitor
) -> None:
    item = network.item("困难残疾人生活补贴")
    kind = next(m["certificate_type"] for m in item["materials"] if m["certificate_type"])
    code = certificate_code(kind, kind[:18], secrets.token_hex(8).upper())
    crooked = code[:-1] + ("0" if code[-1] != "0" else "1")
    body = draft_body(citizen, item, certificates={kind: crooked})
    answer = submit(citizen, body)
    if answer.status_code != 201:
        refused(answer, 422)
        return
    made = Case(citizen, item, body["form"], answer.json())
    clerk = network.staff(made.department, "clerk")
    take(clerk, made, "acceptance")
    failed_claim(clerk, made)
    refused(clerk.post(f"{made.path}/acceptance", json={}), 409)
