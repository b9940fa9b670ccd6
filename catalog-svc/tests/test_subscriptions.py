from .factories import make_open_item


async def region(deliver, name, version):
    content = {
        "region_code": "511602000000",
        "name": name,
        "level": "county",
        "parent_code": "511600000000",
        "version": version,
    }
    return await deliver("identity.region.changed.v1", content)


async def department(deliver, name, version):
    content = {
        "department_code": "11511301008778298W",
        "name": name,
        "region_code": "511602000000",
        "active": True,
        "version": version,
    }
    return await deliver("identity.department.changed.v1", content)


async def test_names_follow_identity_and_change_the_tag(client, deliver):
    item_id = await make_open_item(client)
    before = await client.get(f"/api/v1/items/{item_id}")
    await region(deliver, "广安市广安区", 1)
    await department(deliver, "广安区民政局", 1)
    after = await client.get(f"/api/v1/items/{item_id}")
    assert after.json()["region"]["name"] == "广安市广安区"
    assert after.json()["department"]["name"] == "广安区民政局"
    assert before.headers["etag"] != after.headers["etag"]
    (listed,) = (await client.get("/api/v1/items")).json()["data"]
    assert listed["department"]["name"] == "广安区民政局"


async def test_an_older_state_never_replaces_a_newer(client, deliver):
    item_id = await make_open_item(client)
    await region(deliver, "新名", 5)
    await region(deliver, "旧名", 4)
    shown = (await client.get(f"/api/v1/items/{item_id}")).json()
    assert shown["region"]["name"] == "新名"


async def test_events_carry_the_present_names(client, deliver, recorded):
    await department(deliver, "广安区民政局", 1)
    await make_open_item(client)
    (event,) = await recorded("catalog.item.published.v1")
    assert event["data"]["department"] == {"code": "11511301008778298W", "name": "广安区民政局"}
