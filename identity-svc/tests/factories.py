"""Things the tests need, made through the door, one line of intent each."""

import base64
import hashlib
import html
import itertools
import json
import re
from urllib.parse import parse_qs, urlsplit

from chassis.testing.plugin import token_for
from identity_svc.people.rules.numbers import citizen_check_digit, credit_check_character

PASSWORD = "correct horse battery"
CALLBACK = "http://127.0.0.1:5173/callback"
VERIFIER = "v" * 64
ALL_SCOPES = "openid profile cases offline_access"
_serial = itertools.count(1)


def admin(**claims):
    return token_for("staff", roles=["platform_admin"], region="510000000000", **claims)


def department_admin(department, **claims):
    return token_for(
        "staff", roles=["department_admin"], department=department, region="511602000000", **claims
    )


def citizen_number(serial=None, *, region="511602", born="19900101"):
    digits = f"{region}{born}{(serial or next(_serial)) % 1000:03d}"
    return digits + citizen_check_digit(digits)


def credit_code():
    digits = f"91511602MA{next(_serial):07d}"
    return digits + credit_check_character(digits)


def mobile():
    return f"139{next(_serial):08d}"


async def make_regions(client):
    rows = [
        {"code": "51", "name": "四川省"},
        {"code": "5116", "name": "广安市"},
        {"code": "511602", "name": "广安区"},
    ]
    answer = await client.post("/api/v1/orgs/regions/imports", json=rows, headers=admin())
    assert answer.status_code == 200, answer.text


async def make_department(client, code="11511301008778298W", name="区民政局"):
    await make_regions(client)
    body = {"code": code, "name": name, "region_code": "511602"}
    answer = await client.post("/api/v1/orgs/departments", json=body, headers=admin())
    assert answer.status_code == 201, answer.text
    return code


def staff_form(department, **changes):
    return {
        "username": f"clerk{next(_serial)}",
        "name": "李经办",
        "password": PASSWORD,
        "department_code": department,
        "region_code": "511602000000",
        "roles": ["clerk"],
        "post": "窗口受理岗",
    } | changes


async def make_staff(client, department, **changes):
    body = staff_form(department, **changes)
    answer = await client.post("/api/v1/orgs/staff", json=body, headers=admin())
    assert answer.status_code == 201, answer.text
    return answer.json()


def registration_form(**changes):
    return {
        "name": "王小明",
        "id_number": citizen_number(),
        "mobile": mobile(),
        "password": PASSWORD,
    } | changes


async def make_person(client, **changes):
    """The form that was sent, with the person's id."""
    form = registration_form(**changes)
    answer = await client.post("/api/v1/identity/registrations", json=form)
    assert answer.status_code == 201, answer.text
    return form | answer.json()


def as_person(person, **claims):
    return token_for("citizen", id=person["person_id"], **claims)


async def make_company(client, legal_representative, name="广安示例商贸有限公司"):
    body = {
        "name": name,
        "uscc": credit_code(),
        "legal_representative": legal_representative["person_id"],
    }
    answer = await client.post("/api/v1/identity/companies", json=body, headers=admin())
    assert answer.status_code == 201, answer.text
    return answer.json()


def challenge(verifier=VERIFIER):
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")


def authorization_query(**changes):
    query = {
        "response_type": "code",
        "client_id": "onenet-web",
        "redirect_uri": CALLBACK,
        "scope": ALL_SCOPES,
        "state": "s-1",
        "nonce": "n-1",
        "code_challenge": challenge(),
        "code_challenge_method": "S256",
    } | changes
    return {name: value for name, value in query.items() if value is not None}


async def open_sign_in(client, **changes):
    """The hidden fields of the sign-in page."""
    answer = await client.get("/oauth2/authorize", params=authorization_query(**changes))
    assert answer.status_code == 303, answer.text
    page = await client.get(answer.headers["location"])
    assert page.status_code == 200, page.text
    return hidden_fields(page.text)


def hidden_fields(page):
    found = re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', page)
    return {name: html.unescape(value) for name, value in found}


async def post_sign_in(client, username, password=PASSWORD, **changes):
    fields = await open_sign_in(client, **changes)
    form = fields | {"username": username, "password": password}
    return await client.post("/oauth2/login", data=form)


async def get_code(client, username, password=PASSWORD, **changes):
    answer = await post_sign_in(client, username, password, **changes)
    assert answer.status_code == 303, answer.text
    return query_of(answer)["code"]


def query_of(answer):
    query = parse_qs(urlsplit(answer.headers["location"]).query)
    return {name: values[0] for name, values in query.items()}


def code_form(code, /, **changes):
    form = {
        "grant_type": "authorization_code",
        "client_id": "onenet-web",
        "code": code,
        "redirect_uri": CALLBACK,
        "code_verifier": VERIFIER,
    } | changes
    return {name: value for name, value in form.items() if value is not None}


async def sign_in(client, username, password=PASSWORD, **changes):
    """The token answer of a whole sign-in."""
    code = await get_code(client, username, password, **changes)
    answer = await client.post("/oauth2/token", data=code_form(code))
    assert answer.status_code == 200, answer.text
    return answer.json()


async def refresh(client, token, **changes):
    form = {"grant_type": "refresh_token", "client_id": "onenet-web", "refresh_token": token}
    return await client.post("/oauth2/token", data=form | changes)


async def make_system(client, department):
    body = {"name": "民政业务系统", "department_code": department, "scopes": ["exchange", "feeds"]}
    answer = await client.post("/api/v1/identity/clients", json=body, headers=admin())
    assert answer.status_code == 201, answer.text
    return answer.json()


def claims_of(token):
    payload = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
