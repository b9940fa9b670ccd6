"""Health, OpenID sign-in, tokens good and bad, registration."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import ECKey

from .client import (
    SCOPES,
    SignInRefusedError,
    authorization_code,
    claims,
    discovery,
    pkce,
    refused,
    sign_in,
)
from .journey import Network
from .people import check_digit, id_number, registration


def test_the_platform_is_alive_and_ready(network: Network) -> None:
    for probe in ("/livez", "/readyz"):
        assert httpx.get(network.base_url + probe).status_code == 200


MAIN_JOB = (
    "/api/v1/identity/registrations", "/api/v1/items", "/api/v1/items/{item_id}",
    "/api/v1/items/{item_id}/form", "/api/v1/items/{item_id}/precheck", "/api/v1/files",
    "/api/v1/files/{file_id}", "/api/v1/cases", "/api/v1/me/cases", "/api/v1/cases/{case_id}",
    "/api/v1/cases/{case_id}/timeline", "/api/v1/cases/{case_id}/clock", "/api/v1/progress",
    "/api/v1/tasks", "/api/v1/tasks/{task_id}/claim", "/api/v1/tasks/{task_id}/release",
    "/api/v1/tasks/{task_id}/transfer", "/api/v1/cases/{case_id}/acceptance",
    "/api/v1/cases/{case_id}/correction-notice", "/api/v1/cases/{case_id}/non-acceptance",
    "/api/v1/cases/{case_id}/correction", "/api/v1/cases/{case_id}/opinions",
    "/api/v1/cases/{case_id}/special-procedures", "/api/v1/cases/{case_id}/extension",
    "/api/v1/cases/{case_id}/decision", "/api/v1/me/certificates", "/api/v1/certificates/{code}",
    "/api/v1/certificates/verify", "/api/v1/cases/{case_id}/ratings", "/api/v1/public/performance",
    "/api/v1/me/footprints", "/api/v1/cases/{case_id}/withdrawal",
)  # fmt: skip


def test_one_document_describes_the_main_job_and_one_each_service(network: Network) -> None:
    whole = httpx.get(f"{network.base_url}/openapi.json").json()
    assert whole["openapi"].startswith("3.1")
    assert not [path for path in MAIN_JOB if path not in whole["paths"]]
    for service in ("identity", "catalog", "case", "exchange"):
        assert httpx.get(f"{network.base_url}/openapi/{service}.json").json()["paths"], service
    assert httpx.get(f"{network.base_url}/asyncapi.json").json()["asyncapi"].startswith("3.")
    assert httpx.get(f"{network.base_url}/docs").status_code == 200


def test_discovery_names_the_gateway_and_only_safe_ways(network: Network) -> None:
    found = discovery(network.base_url)
    assert found["issuer"].rstrip("/") == network.base_url
    assert found["code_challenge_methods_supported"] == ["S256"]
    assert {"authorization_code", "refresh_token"} <= set(found["grant_types_supported"])
    assert httpx.get(found["jwks_uri"]).json()["keys"]


def test_every_kind_of_sample_account_signs_in(network: Network) -> None:
    for kind in ("citizens", "companies", "staff"):
        account = network.samples[kind][0]
        signed = sign_in(network.base_url, account["username"], account["password"])
        assert signed["token_type"].lower() == "bearer"


def test_a_staff_token_carries_department_region_and_roles(network: Network) -> None:
    account = next(s for s in network.samples["staff"] if s["roles"] == ["clerk"])
    said = claims(network.sign_in(account).token)
    assert said["department"] == account["department_code"]
    assert said["region"].startswith(account["region"][:6])
    assert said["roles"] == ["clerk"]


def test_userinfo_tells_the_holder_who_she_is(network: Network) -> None:
    visitor = network.register()
    endpoint = discovery(network.base_url)["userinfo_endpoint"]
    answer = httpx.get(endpoint, headers={"Authorization": f"Bearer {visitor.token}"})
    assert answer.status_code == 200
    assert answer.json()["sub"] == claims(visitor.token)["sub"]


def test_a_wrong_password_gives_no_code(network: Network) -> None:
    person = network.register().account
    assert person is not None
    with pytest.raises(SignInRefusedError):
        sign_in(network.base_url, person["username"], "wrong-Aa1!")


def test_a_code_is_worth_nothing_without_its_verifier_and_only_once(network: Network) -> None:
    person = network.register().account
    assert person is not None
    verifier, challenge = pkce()
    back = authorization_code(network.base_url, person["username"], person["password"], challenge)
    body = {
        "grant_type": "authorization_code", "client_id": "onenet-web", "code": back["code"],
        "redirect_uri": back["redirect_uri"], "code_verifier": verifier,
    }  # fmt: skip
    endpoint = discovery(network.base_url)["token_endpoint"]
    wrong = httpx.post(endpoint, data=body | {"code_verifier": pkce()[0]})
    assert wrong.status_code == 400
    assert wrong.json()["error"] == "invalid_grant"
    httpx.post(endpoint, data=body)
    replayed = httpx.post(endpoint, data=body)
    assert replayed.status_code == 400


def test_a_refresh_token_rotates_and_its_reuse_ends_the_chain(network: Network) -> None:
    person = network.register().account
    assert person is not None
    first = sign_in(network.base_url, person["username"], person["password"])
    endpoint = discovery(network.base_url)["token_endpoint"]

    def refresh(token: str) -> httpx.Response:
        body = {"grant_type": "refresh_token", "client_id": "onenet-web", "refresh_token": token}
        return httpx.post(endpoint, data=body)

    second = refresh(first["refresh_token"])
    assert second.status_code == 200
    assert second.json()["refresh_token"] != first["refresh_token"]
    assert refresh(first["refresh_token"]).status_code == 400
    assert refresh(second.json()["refresh_token"]).status_code == 400


def test_an_unregistered_redirect_is_never_followed(network: Network) -> None:
    query = {
        "response_type": "code", "client_id": "onenet-web", "redirect_uri": "https://elsewhere.example/cb",
        "scope": SCOPES, "state": "s", "code_challenge": pkce()[1], "code_challenge_method": "S256",
    }  # fmt: skip
    answer = httpx.get(discovery(network.base_url)["authorization_endpoint"], params=query)
    assert "elsewhere.example" not in answer.headers.get("Location", "")
    assert answer.status_code in (200, 400)


def test_no_token_is_401(network: Network) -> None:
    for path in ("/me/cases", "/tasks", "/me/certificates", "/me/footprints"):
        refused(network.public.get(path), 401)
    refused(network.public.post("/cases", json={}, headers={"Idempotency-Key": "k"}), 401)


def forged(kind: str, token: str) -> str:
    head, body, signature = token.split(".")
    if kind == "signature":
        return f"{head}.{body}.{signature[:-6]}AAAAAA"
    if kind == "unsigned":
        return f"eyJhbGciOiJub25lIiwidHlwIjoiYXQrand0In0.{body}."
    said = claims(token)
    if kind == "expired":
        said |= {"iat": int(time.time()) - 4000, "exp": int(time.time()) - 3000}
    stranger_key = ECKey.generate_key("P-256", parameters={"kid": "identity-stranger"})
    return jwt.encode(
        {"alg": "ES256", "kid": "identity-stranger", "typ": "at+jwt"}, said, stranger_key
    )


@pytest.mark.parametrize("kind", ["signature", "unsigned", "foreign key", "expired"])
def test_a_forged_or_expired_token_is_401(network: Network, kind: str) -> None:
    token = forged(kind, network.register().token)
    headers = {"Authorization": f"Bearer {token}"}
    for path in ("/me/cases", "/me/certificates", "/me/footprints"):
        problem = refused(network.public.get(path, headers=headers), 401)
        assert token not in str(problem)


def test_registration_answers_with_the_assurance_level(network: Network) -> None:
    answer = network.public.post("/identity/registrations", json=registration())
    assert answer.status_code == 201
    assert set(answer.json()) >= {"person_id", "assurance_level"}
    assert answer.json()["assurance_level"] == "L2"


IMPOSSIBLE = "51160219900230012"
SPOILED: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "check digit": lambda p: {"id_number": crooked(p["id_number"])},
    "birth date": lambda _: {"id_number": IMPOSSIBLE + check_digit(IMPOSSIBLE)},
    "future": lambda _: {"id_number": id_number(birth="29990101")},
    "region": lambda _: {"id_number": id_number(region="999902")},
    "old 15 digits": lambda _: {"id_number": "511602900101012"},
    "mobile": lambda _: {"mobile": "12345"},
    "name": lambda _: {"name": ""},
    "extra": lambda _: {"role": "platform_admin"},
}


def crooked(right: str) -> str:
    return right[:17] + ("0" if right[17] != "0" else "1")


@pytest.mark.parametrize("kind", SPOILED)
def test_an_impossible_registration_is_422_and_says_where(network: Network, kind: str) -> None:
    right = registration()
    body = right | SPOILED[kind](right)
    problem = refused(network.public.post("/identity/registrations", json=body), 422)
    assert problem["errors"]
    pointers = {e["pointer"] for e in problem["errors"]}
    expected = {"mobile": "/mobile", "name": "/name", "extra": "/role"}.get(kind, "/id_number")
    assert expected in pointers


def test_registering_twice_is_409(network: Network) -> None:
    person = registration()
    assert network.public.post("/identity/registrations", json=person).status_code == 201
    again = person | {"mobile": f"199{secrets.randbelow(10**8):08}"}
    refused(network.public.post("/identity/registrations", json=again), 409)


def test_a_body_that_is_not_json_is_refused_politely(network: Network) -> None:
    broken = network.public.post(
        "/identity/registrations",
        content=b'{"name": ',
        headers={"Content-Type": "application/json"},
    )
    refused(broken, 400, 422)
    plain = network.public.post(
        "/identity/registrations", content=b"name=x", headers={"Content-Type": "text/plain"}
    )
    refused(plain, 415, 422)
