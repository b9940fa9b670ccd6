"""Certificates, ratings, public performance and footprints, after the whole journey."""

from __future__ import annotations

from typing import Any

import pytest

from .client import Visitor, refused, until
from .journey import Case, Network, accept, apply, certificates_of, failed_claim, finish, take
from .people import certificate_code

CERTIFICATE = {"code", "type", "name", "status", "issued_on", "valid_to", "case_id"}


@pytest.fixture(scope="module")
def granted(network: Network) -> Case:
    """One case, from registration to the certificate."""
    case = apply(network.register(), network.item("残疾人证新办"))
    assert finish(network, case)["outcome"] == "granted"
    return case


@pytest.fixture(scope="module")
def certificate(granted: Case) -> dict[str, Any]:
    return dict(until(lambda: certificates_of(granted), why="no certificate came")[0])


def test_a_grant_ends_in_a_certificate(granted: Case, certificate: dict[str, Any]) -> None:
    assert set(certificate) >= CERTIFICATE
    assert certificate["status"] == "valid"
    assert certificate["code"].startswith("1.2.156.3005.2.")
    seen = granted.applicant.read(f"/certificates/{certificate['code']}")
    assert seen["code"] == certificate["code"]


def test_only_the_holder_reads_the_certificate(
    network: Network, certificate: dict[str, Any]
) -> None:
    path = f"/certificates/{certificate['code']}"
    refused(network.register().get(path), 404)
    refused(network.public.get(path), 401)


def test_anyone_verifies_a_certificate_and_learns_nothing_personal(
    network: Network, granted: Case, certificate: dict[str, Any]
) -> None:
    answer = network.public.get("/certificates/verify", params={"code": certificate["code"]})
    assert answer.status_code == 200
    assert answer.json()["status"] == "valid"
    long = [v for v in granted.form.values() if isinstance(v, str) and len(v) > 5]
    assert not [v for v in long if v in answer.text]


def test_an_unknown_certificate_is_unknown(network: Network, certificate: dict[str, Any]) -> None:
    parts = certificate["code"].split(".")
    other = "AAAA" + parts[7][4:] if parts[7][:4] != "AAAA" else "BBBB" + parts[7][4:]
    code = certificate_code(parts[5], parts[6], other, parts[8])
    assert network.public.read("/certificates/verify", params={"code": code})["status"] == "unknown"


def test_a_wrong_check_digit_never_verifies(network: Network, certificate: dict[str, Any]) -> None:
    code = certificate["code"]
    crooked = code[:-1] + ("0" if code[-1] != "0" else "1")
    answer = network.public.get("/certificates/verify", params={"code": crooked})
    if answer.status_code == 200:
        assert answer.json()["status"] == "unknown"
    else:
        refused(answer, 422)


def test_what_the_government_holds_is_claimed_and_not_asked_for_again(
    network: Network, granted: Case, certificate: dict[str, Any]
) -> None:
    held = {certificate["type"]: certificate["code"]}
    item = network.item("困难残疾人生活补贴")
    assert certificate["type"] in {m["certificate_type"] for m in item["materials"]}
    case = apply(granted.applicant, item, certificates=held)
    assert accept(network, case)


def test_a_certificate_of_somebody_else_is_never_good(
    network: Network, certificate: dict[str, Any]
) -> None:
    item = network.item("困难残疾人生活补贴")
    case = apply(network.register(), item, certificates={certificate["type"]: certificate["code"]})
    clerk = network.staff(case.department, "clerk")
    take(clerk, case, "acceptance")
    failed_claim(clerk, case)
    refused(clerk.post(f"{case.path}/acceptance", json={}), 409)


def test_each_service_is_rated_once(granted: Case) -> None:
    path = f"{granted.path}/ratings"
    body = {"service": "application", "satisfaction": 1, "tags": [], "comment": "一次就办好了。"}
    granted.applicant.do(path, body, status=201)
    refused(granted.applicant.post(path, json=body), 409)
    granted.applicant.do(path, body | {"service": "delivery", "satisfaction": 5}, status=201)


def test_rating_begins_with_the_submission(case: Case) -> None:
    body = {"service": "consultation", "satisfaction": 2, "tags": [], "comment": None}
    assert "ratings" in case.applicant.read(case.path)["actions"]
    case.applicant.do(f"{case.path}/ratings", body, status=201)


@pytest.mark.parametrize("change", [{"satisfaction": 0}, {"satisfaction": 6}, {"service": "food"}])
def test_a_rating_off_the_scale_is_422(case: Case, change: dict[str, Any]) -> None:
    body = {"service": "application", "satisfaction": 1, "tags": [], "comment": None}
    refused(case.applicant.post(f"{case.path}/ratings", json=body | change), 422)


def test_only_the_applicant_rates(network: Network, case: Case) -> None:
    body = {"service": "application", "satisfaction": 1, "tags": [], "comment": None}
    refused(network.register().post(f"{case.path}/ratings", json=body), 404)
    refused(network.staff(case.department, "clerk").post(f"{case.path}/ratings", json=body), 403)


def indicators(found: Any) -> list[dict[str, Any]]:
    if isinstance(found, dict):
        mine = [found] if "numerator" in found else []
        return mine + [x for v in found.values() for x in indicators(v)]
    if isinstance(found, list):
        return [x for v in found for x in indicators(v)]
    return []


def test_public_performance_shows_how_each_figure_is_made(network: Network, granted: Case) -> None:
    query = {"region": "511602", "department": granted.department}
    for params in ({}, query):
        found = indicators(network.public.read("/public/performance", params=params))
        assert found
        assert all(set(i) >= {"numerator", "denominator", "definition"} for i in found)
        assert all(i["numerator"] >= 0 for i in found)
    refused(network.public.get("/public/performance", params={"period": "someday"}), 422)


def test_a_look_by_staff_stands_in_the_footprints_without_a_name(
    network: Network, case: Case
) -> None:
    clerk = network.staff(case.department, "clerk")
    take(clerk, case, "acceptance")
    clerk.read(case.path)

    def looks() -> list[dict[str, Any]]:
        rows = case.applicant.every("/me/footprints")
        return [r for r in rows if case.id in str(r) or case.answer["case_no"] in str(r)]

    found = until(looks, why="no footprint came")
    text = str(found)
    assert case.department in text
    assert clerk.account is not None
    assert network.name_of(clerk) not in text
    assert clerk.account["username"] not in text
    for look in found:
        assert look["fields"]
        assert look["ground"]
        assert look["post"]
        assert look["at"].endswith("Z")


def test_footprints_are_only_ones_own(network: Network, case: Case, citizen: Visitor) -> None:
    other = network.register()
    assert other.every("/me/footprints") == []
    clerk = network.staff(case.department, "clerk")
    refused(clerk.get("/me/footprints"), 403)
