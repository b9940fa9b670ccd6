"""A staff POST that answers with a thing's state says where exactly that state can be read."""

import pytest

from .factories import (
    admin,
    credit_code,
    department_admin,
    make_department,
    make_person,
    make_regions,
    make_system,
    staff_form,
)


async def new_department(client):
    await make_regions(client)
    body = {"code": "68236467-9", "name": "区行政审批局", "region_code": "511602"}
    return "/api/v1/orgs/departments", body, admin()


async def new_staff(client):
    department = await make_department(client)
    return "/api/v1/orgs/staff", staff_form(department), department_admin(department)


async def new_company(client):
    await make_regions(client)
    person = await make_person(client)
    body = {"name": "某公司", "uscc": credit_code(), "legal_representative": person["person_id"]}
    return "/api/v1/identity/companies", body, admin()


async def higher_assurance(client):
    await make_regions(client)
    person = await make_person(client)
    path = f"/api/v1/identity/people/{person['person_id']}/assurance"
    return path, {"level": "L3", "ground": "窗口核验身份证原件"}, admin()


async def closed_client(client):
    system = await make_system(client, await make_department(client))
    return f"/api/v1/identity/clients/{system['client_id']}/closure", None, admin()


@pytest.mark.parametrize(
    "prepare", [new_department, new_staff, new_company, higher_assurance, closed_client]
)
async def test_content_location_gives_the_same_representation(client, prepare):
    path, body, headers = await prepare(client)
    posted = await client.post(path, json=body, headers=headers)
    assert posted.is_success, posted.text
    read = await client.get(posted.headers["content-location"], headers=headers)
    assert read.status_code == 200
    assert read.json() == posted.json()
    assert read.headers.get("etag") == posted.headers.get("etag")


async def test_a_secret_has_no_content_location(client):
    """Its repeat must show the secret again, which no GET does."""
    department = await make_department(client)
    body = {"name": "民政业务系统", "department_code": department}
    headers = admin() | {"Idempotency-Key": "register-once"}
    first = await client.post("/api/v1/identity/clients", json=body, headers=headers)
    again = await client.post("/api/v1/identity/clients", json=body, headers=headers)
    assert "content-location" not in first.headers
    assert again.json() == first.json()
    path = f"/api/v1/identity/clients/{first.json()['client_id']}"
    shown = (await client.get(path, headers=admin())).json()
    assert "client_secret" not in shown
    assert shown.items() <= first.json().items()


async def test_assurance_and_clients_are_read_by_staff_alone(client, token):
    path, _, _ = await higher_assurance(client)
    assert (await client.get(path)).status_code == 401
    assert (await client.get(path, headers=token("citizen"))).status_code == 403
    unknown = path.replace(path.split("/")[5], "01900000-0000-7000-8000-000000000000")
    assert (await client.get(unknown, headers=admin())).status_code == 404
    missing = await client.get("/api/v1/identity/clients/nobody", headers=admin())
    assert missing.json()["type"] == "urn:onenet:problem:client-not-found"
    clerk = token("staff", roles=["clerk"])
    assert (await client.get("/api/v1/identity/clients/x", headers=clerk)).status_code == 403
