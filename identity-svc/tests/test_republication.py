"""What others copy can be told again, each row in its present version."""

from chassis.testing.plugin import republish, token_for

from .factories import admin, make_company, make_department, make_person, make_staff

KINDS = {"company", "department", "mandate", "person", "region", "staff"}


async def test_every_copied_row_is_told_again_as_it_stands(client, process, prepared, recorded):
    department = await make_department(client)
    await make_staff(client, department)
    await make_company(client, await make_person(client))
    types = {
        "identity.region.changed.v1": "region_code",
        "identity.department.changed.v1": "department_code",
        "identity.staff.changed.v1": "staff_id",
        "identity.company.changed.v1": "company_id",
        "identity.mandate.changed.v1": "mandate_id",
    }
    before = {one: await recorded(one) for one in types}
    registered = await recorded("identity.person.registered.v1")
    asked = await client.post("/api/v1/operations/identity/republications", headers=admin())
    assert asked.status_code == 202, asked.text
    assert {one["name"] for one in asked.json()["kinds"]} == KINDS
    while await republish(process, prepared.service.republish):
        pass
    for event_type, key in types.items():
        again = (await recorded(event_type))[len(before[event_type]) :]
        first = {one["data"][key]: one["data"] for one in before[event_type]}
        told = {one["data"][key]: one["data"] for one in again}
        assert first.items() <= told.items(), event_type
        assert len(again) == len(told)
    told = await recorded("identity.person.changed.v1")
    states = {one["data"]["person_id"]: one["data"] for one in told}
    assert all(states[one["data"]["person_id"]] == one["data"] for one in registered)
    assert all(set(one["sealed"]) == {"case", "exchange"} for one in told)


async def test_only_platform_admins_may_ask(client):
    path = "/api/v1/operations/identity/republications"
    clerk = token_for("staff", roles=["clerk"])
    assert (await client.post(path, headers=clerk)).status_code == 403
    assert (await client.get(path, headers=clerk)).status_code == 403
