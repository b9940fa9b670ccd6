from uuid import uuid4

import pytest

from chassis.vault import open_vault

from .factories import (
    PASSWORD,
    admin,
    department_admin,
    make_department,
    make_staff,
    make_system,
    post_sign_in,
    sign_in,
    staff_form,
)

PATH = "/api/v1/orgs/staff"
CHANGED = "identity.staff.changed.v1"


async def test_staff_is_taken_on_and_signs_in(client):
    department = await make_department(client)
    staff = await make_staff(client, department, mobile="13700000001")
    assert staff["name"] == "李*办"
    assert (await sign_in(client, staff["username"].upper()))["access_token"]
    assert (await sign_in(client, "13700000001"))["access_token"]


async def test_name_travels_sealed_for_case_only(client, recorded, prepared):
    department = await make_department(client)
    staff = await make_staff(client, department, name="欧阳经办")
    (event,) = await recorded(CHANGED)
    assert "欧阳经办" not in str(event)
    assert event["data"] == {
        "staff_id": staff["staff_id"],
        "department_code": department,
        "region_code": "511602000000",
        "roles": ["clerk"],
        "post": "窗口受理岗",
        "active": True,
        "version": 1,
    }
    assert event["sealed"].keys() == {"case"}
    settings = prepared.service.settings
    case = open_vault(
        "case", settings.vault_keys.get_secret_value(), settings.seal_keys.get_secret_value()
    )
    assert case.unseal(event["sealed"]["case"], sender="identity") == {"name": "欧阳经办"}


async def test_department_admin_manages_own_department_only(client):
    own = await make_department(client)
    other = await make_department(client, code="68236467-9", name="区行政审批局")
    headers = department_admin(own)
    answer = await client.post(PATH, json=staff_form(own), headers=headers)
    assert answer.status_code == 201
    for form in (
        staff_form(other),
        staff_form(own, roles=["platform_admin"]),
        staff_form(own, region_code="5116"),
        staff_form(None),
    ):
        refused = await client.post(PATH, json=form, headers=headers)
        assert refused.json()["type"] == "urn:onenet:problem:not-your-department"


async def test_department_admin_draws_nobody_in_from_another_region(client):
    department = await make_department(client)
    staff = await make_staff(client, department, region_code="511600000000")
    answer = await client.patch(
        f"{PATH}/{staff['staff_id']}",
        json={"region_code": "511602"},
        headers=department_admin(department) | {"If-Match": '"1"'},
    )
    assert answer.status_code == 403
    assert answer.json()["type"] == "urn:onenet:problem:not-your-department"


async def test_department_admin_without_department_manages_nobody(client, token):
    headers = token("staff", roles=["department_admin"])
    assert (await client.get(PATH, headers=headers)).json()["data"] == []


async def test_list_agrees_with_detail(client):
    own = await make_department(client)
    other = await make_department(client, code="68236467-9", name="区行政审批局")
    mine, theirs = await make_staff(client, own), await make_staff(client, other)
    headers = department_admin(own)
    listed = (await client.get(PATH, headers=headers)).json()["data"]
    assert listed == [mine]
    assert (await client.get(f"{PATH}/{mine['staff_id']}", headers=headers)).json() == mine
    assert (await client.get(f"{PATH}/{theirs['staff_id']}", headers=headers)).status_code == 404
    everyone = await client.get(PATH, params={"count": True}, headers=admin())
    assert everyone.json()["count"] == 2
    theirs_only = await client.get(PATH, params={"department": other}, headers=admin())
    assert theirs_only.json()["data"] == [theirs]


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"password": "short"}, "/password"),
        ({"username": "zhang.san", "password": "Zhang.San"}, "/password"),
        ({"department_code": "nothing"}, "/department_code"),
        ({"region_code": "990000"}, "/region_code"),
        ({"username": "1abc"}, "/username"),
        ({"username": None}, "/username"),
        ({"mobile": "123"}, "/mobile"),
        ({"roles": []}, "/roles"),
        ({"roles": ["king"]}, "/roles/0"),
    ],
)
async def test_malformed_staff_is_refused(client, changes, pointer):
    department = await make_department(client)
    answer = await client.post(PATH, json=staff_form(department, **changes), headers=admin())
    assert answer.status_code == 422, answer.text
    assert answer.json()["errors"][0]["pointer"] == pointer


async def test_closed_department_takes_on_nobody(client):
    department = await make_department(client)
    headers = admin() | {"If-Match": '"1"'}
    await client.patch(
        f"/api/v1/orgs/departments/{department}", json={"active": False}, headers=headers
    )
    answer = await client.post(PATH, json=staff_form(department), headers=admin())
    assert answer.status_code == 422


async def test_username_is_taken_once(client):
    department = await make_department(client)
    staff = await make_staff(client, department)
    form = staff_form(department, username=staff["username"].upper())
    answer = await client.post(PATH, json=form, headers=admin())
    assert answer.json()["type"] == "urn:onenet:problem:username-taken"


async def test_staff_routes_refuse_others(client, token):
    assert (await client.get(PATH)).status_code == 401
    assert (await client.get(PATH, headers=token("citizen"))).status_code == 403
    clerk = token("staff", roles=["clerk"])
    assert (await client.post(PATH, json={}, headers=clerk)).status_code == 403
    answer = await client.get(f"{PATH}/{uuid4()}", headers=admin())
    assert answer.status_code == 404


async def test_new_roles_count_from_the_next_token(client, recorded):
    department = await make_department(client)
    staff = await make_staff(client, department)
    answer = await client.patch(
        f"{PATH}/{staff['staff_id']}",
        json={"roles": ["decider", "clerk", "clerk"], "post": "审批岗", "region_code": "511602"},
        headers=department_admin(department) | {"If-Match": '"1"'},
    )
    assert answer.json()["roles"] == ["clerk", "decider"]
    assert answer.headers["etag"] == '"2"'
    assert (await recorded(CHANGED))[-1]["data"]["post"] == "审批岗"


async def test_change_that_changes_nothing_is_not_told(client, recorded):
    department = await make_department(client)
    staff = await make_staff(client, department)
    answer = await client.patch(
        f"{PATH}/{staff['staff_id']}",
        json={"roles": ["clerk"], "active": True},
        headers=admin() | {"If-Match": '"1"'},
    )
    assert answer.json()["version"] == 1
    assert len(await recorded(CHANGED)) == 1


async def test_change_needs_the_present_version_and_permission(client):
    department = await make_department(client)
    staff = await make_staff(client, department, roles=["platform_admin"])
    path = f"{PATH}/{staff['staff_id']}"
    assert (await client.patch(path, json={}, headers=admin())).status_code == 428
    stale = await client.patch(path, json={}, headers=admin() | {"If-Match": '"2"'})
    assert stale.status_code == 412
    headers = department_admin(department) | {"If-Match": '"1"'}
    refused = await client.patch(path, json={"active": False}, headers=headers)
    assert refused.status_code == 403


async def test_closed_account_opens_nothing(client):
    department = await make_department(client)
    staff = await make_staff(client, department)
    tokens = await sign_in(client, staff["username"])
    await client.patch(
        f"{PATH}/{staff['staff_id']}", json={"active": False}, headers=admin() | {"If-Match": '"1"'}
    )
    assert (await post_sign_in(client, staff["username"], PASSWORD)).status_code == 401
    system = await make_system(client, department)
    for name in ("access_token", "refresh_token"):
        asked = {key: system[key] for key in ("client_id", "client_secret")}
        told = await client.post("/oauth2/introspect", data=asked | {"token": tokens[name]})
        assert told.json() == {"active": False}
    form = {
        "grant_type": "refresh_token",
        "client_id": "onenet-web",
        "refresh_token": tokens["refresh_token"],
    }
    answer = await client.post("/oauth2/token", data=form)
    assert answer.json()["error"] == "invalid_grant"


async def test_roles_are_public_and_worded(client):
    chinese = (await client.get("/api/v1/orgs/roles")).json()["data"]
    english = await client.get("/api/v1/orgs/roles", headers={"Accept-Language": "en"})
    assert [role["role"] for role in chinese] == [
        "clerk",
        "decider",
        "department_admin",
        "platform_admin",
    ]
    assert chinese[0]["name"] == "经办人"
    assert english.json()["data"][0]["name"] == "Clerk"
