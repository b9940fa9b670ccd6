import pytest

from .factories import admin, department_admin, make_department, make_regions

PATH = "/api/v1/orgs/departments"
CHANGED = "identity.department.changed.v1"
BODY = {"code": "68236467-9", "name": " 区行政审批局 ", "region_code": "511602"}


async def test_department_is_set_up_as_written(client, recorded):
    await make_regions(client)
    answer = await client.post(PATH, json=BODY | {"code": "11511301452259996u"}, headers=admin())
    assert answer.status_code == 201
    assert answer.headers["etag"] == '"1"'
    assert answer.json() == {
        "department_code": "11511301452259996u",
        "name": "区行政审批局",
        "region_code": "511602000000",
        "active": True,
        "version": 1,
    }
    assert [event["data"] for event in await recorded(CHANGED)] == [answer.json()]


async def test_same_code_conflicts(client):
    await make_regions(client)
    await client.post(PATH, json=BODY, headers=admin())
    answer = await client.post(PATH, json=BODY, headers=admin())
    assert answer.status_code == 409
    assert answer.json()["type"] == "urn:onenet:problem:department-exists"


@pytest.mark.parametrize(
    "changes",
    [{"region_code": "990000"}, {"region_code": "511"}, {"name": " "}, {"code": "a b"}, {"x": 1}],
)
async def test_malformed_department_is_refused(client, changes):
    await make_regions(client)
    answer = await client.post(PATH, json=BODY | changes, headers=admin())
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == f"/{next(iter(changes))}"


async def test_managing_is_for_platform_administrators(client):
    code = await make_department(client)
    assert (await client.post(PATH, json=BODY)).status_code == 401
    headers = department_admin(code)
    assert (await client.post(PATH, json=BODY, headers=headers)).status_code == 403
    change = await client.patch(
        f"{PATH}/{code}", json={"name": "x"}, headers=headers | {"If-Match": '"1"'}
    )
    assert change.status_code == 403


async def test_anyone_reads(client):
    code = await make_department(client)
    one = await client.get(f"{PATH}/{code}")
    assert one.headers["etag"] == '"1"'
    tag = {"If-None-Match": one.headers["etag"]}
    assert (await client.get(f"{PATH}/{code}", headers=tag)).status_code == 304
    listed = await client.get(PATH, params={"region": "511602", "q": "民政"})
    assert listed.json()["data"] == [one.json()]
    assert (await client.get(PATH, params={"region": "5115"})).json()["data"] == []
    assert (await client.get(PATH, params={"region": "511"})).status_code == 404
    assert (await client.get(f"{PATH}/nothing")).status_code == 404


async def test_change_is_told_once(client, recorded):
    code = await make_department(client)
    match = admin() | {"If-Match": '"1"'}
    change = {"name": "区民政和社会工作局", "active": False, "region_code": "5116"}
    answer = await client.patch(f"{PATH}/{code}", json=change, headers=match)
    assert answer.headers["etag"] == '"2"'
    assert answer.json()["active"] is False
    again = await client.patch(f"{PATH}/{code}", json=change, headers=admin() | {"If-Match": '"2"'})
    assert again.json()["version"] == 2
    assert len(await recorded(CHANGED)) == 2


async def test_change_needs_the_present_version(client):
    code = await make_department(client)
    path, body = f"{PATH}/{code}", {"name": "新名"}
    assert (await client.patch(path, json=body, headers=admin())).status_code == 428
    stale = await client.patch(path, json=body, headers=admin() | {"If-Match": '"7"'})
    assert stale.status_code == 412
    missing = await client.patch(
        f"{PATH}/nothing", json=body, headers=admin() | {"If-Match": '"1"'}
    )
    assert missing.status_code == 404
    unknown = await client.patch(
        path, json={"region_code": "99"}, headers=admin() | {"If-Match": '"1"'}
    )
    assert unknown.status_code == 422
