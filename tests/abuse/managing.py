"""Bodies and values for what departments, the platform and sign-in do."""

from __future__ import annotations

import base64
import hashlib
import secrets
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.stranger.client import PDF, Visitor
from tests.stranger.people import id_number

from .rows import TABLE, item_body, request_body, resource_body
from .world import World

CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(b"v" * 64).digest()).rstrip(b"=").decode()
SIGN_IN = {
    "client_id": "onenet-web",
    "response_type": "code",
    "redirect_uri": "http://127.0.0.1:1/callback",
    "code_challenge": CHALLENGE,
    "code_challenge_method": "S256",
}
REBUILT = {"case": "catalog", "exchange": "case", "identity": "case", "catalog": "identity"}
NOTE = {"note": "已电话联系。"}


def sign_in_names(visitor: Visitor) -> dict[str, list[str]]:
    """Query parameters that lead to the sign-in page, and sign-ins that have begun."""
    found = {name: [value] for name, value in SIGN_IN.items() if name != "client_id"}
    begun = [_begun(visitor) for _ in range(9)]
    return found | {"request": begun, "web_client": [SIGN_IN["client_id"]]}


def _begun(visitor: Visitor) -> str:
    answer = visitor.http.get("/oauth2/authorize", params=SIGN_IN)
    return parse_qs(urlsplit(answer.headers["location"]).query)["request"][0]


def managing_bodies(world: World) -> dict[str, list[Any]]:
    admin, cast = world.cast["platform_admin"], world.cast
    resources = admin.read("/exchange/resources")["data"]
    code = resources[0]["code"] if resources else "304001/000001"
    rectification = "POST /api/v1/supervision/rectifications/{rectification_id}"
    person_id = world.cast["citizen"].read("/me/profile")["person_id"]
    return {
        "POST /api/v1/files": [{"file": PDF}],
        "POST /api/v1/catalog/imports": [{"file": TABLE}],
        "POST /api/v1/catalog/items": [item_body(cast) for _ in range(9)],
        "POST /api/v1/catalog/base-items": [
            {
                "catalog_code": f"000511{secrets.randbelow(10**6):06}",
                "name": "基本目录事项",
                "task_type": "07",
                "use_levels": ["4"],
            }
            for _ in range(9)
        ],
        "POST /api/v1/exchange/resources": [resource_body()],
        "POST /api/v1/exchange/grant-requests": [request_body(code)],
        "PATCH /api/v1/exchange/resources/{code}": [{"title": "低保信息"}, {"status": "revoked"}],
        "POST /api/v1/exchange/grant-requests/{request_id}/approval": [{}],
        "POST /api/v1/exchange/grant-requests/{request_id}/refusal": [{"reason": "与职责无关"}],
        "POST /api/v1/exchange/grants/{grant_id}/revocation": [{"reason": "目的已经达到"}],
        "POST /api/v1/certificates/{code}/{action}": [{"reason": "信息有误，需要核对"}],
        f"{rectification}/call-back": [{"satisfied": True, **NOTE}],
        f"{rectification}/closing": [NOTE],
        f"{rectification}/contact": [NOTE],
        f"{rectification}/measures": [{"measures": "增开窗口。"}],
        f"{rectification}/verification": [{"result": "valid", **NOTE}],
        "POST /api/v1/supervision/warnings/{warning_id}/answer": [{"explanation": "已在办理。"}],
        **{
            f"POST /api/v1/operations/{service}/rebuilds": [{"producer": producer}]
            for service, producer in (
                ("case", "catalog"),
                ("exchange", "case"),
                ("identity", "case"),
            )
        },
        "PUT /api/v1/catalog/items/{item_id}/draft": [_draft(world)],
        **_people(world, person_id),
        **_sign_in(world),
    }


def _draft(world: World) -> dict[str, Any]:
    """The guide of an open item, to be written into another."""
    admin = world.cast["department_admin"]
    found = admin.read(f"/catalog/items/{world.item['item_id']}/draft")
    return {"guide": found["guide"]}


def _people(world: World, person_id: str) -> dict[str, list[Any]]:
    home = world.item["department"]["code"]
    return {
        "POST /api/v1/orgs/staff": [
            {
                "username": f"new.{secrets.token_hex(4)}",
                "name": "路远",
                "password": f"Aa1!{id_number()}",
                "department_code": home,
                "region_code": "511602000000",
                "roles": ["clerk"],
            }
            for _ in range(9)
        ],
        "PATCH /api/v1/orgs/staff/{staff_id}": [{"post": "窗口受理岗"}],
        "POST /api/v1/orgs/departments": [
            {"code": f"N{secrets.token_hex(5)}", "name": "区新设局", "region_code": "511602000000"}
            for _ in range(9)
        ],
        "PATCH /api/v1/orgs/departments/{department_code}": [{"name": "区新名局"}],
        "POST /api/v1/identity/clients": [{"name": "业务系统", "department_code": home}],
        "POST /api/v1/identity/companies": [
            {
                "name": "广安示例商贸有限公司",
                "uscc": "91110000MA0TE5T16C",
                "legal_representative": person_id,
            }
        ],
        "POST /api/v1/identity/people/{person_id}/assurance": [
            {"level": "L3", "ground": "窗口核验身份证原件"}
        ],
        "PUT /api/v1/calendar/{year}": [{"source": "国办发明电", "days": []}],
    }


def _sign_in(world: World) -> dict[str, list[Any]]:
    client = dict(world.cast["department_system"].account or {})
    citizen = world.cast["citizen"].account or {}
    return {
        "POST /oauth2/token": [{"grant_type": "client_credentials", **client}],
        "POST /oauth2/introspect": [{"token": "unknown", **client}],
        "POST /oauth2/revoke": [{"token": "unknown", "client_id": "onenet-web"}],
        "POST /oauth2/par": [dict(SIGN_IN)],
        "POST /oauth2/authorize": [dict(SIGN_IN)],
        "POST /oauth2/logout": [{"state": "away"}],
        "POST /oauth2/login": [
            {
                "request": _begun(world.network.public),
                "username": citizen["username"],
                "password": citizen["password"],
            }
            for _ in range(9)
        ],
    }
