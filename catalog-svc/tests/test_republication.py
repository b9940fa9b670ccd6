"""Items can be published again: every guide they had, and their present state."""

from chassis.testing.plugin import republish

from .factories import department, guide, make_draft, make_open_item, platform


async def test_items_are_published_again_with_the_guides_they_had(
    client, process, prepared, recorded
):
    item_id = await make_open_item(client)
    path = f"/api/v1/catalog/items/{item_id}"
    await client.post(f"{path}/suspension", json={"reason": "系统升级"}, headers=department())
    unseen = await make_draft(client, guide(2), department())
    await client.post(
        f"/api/v1/catalog/items/{unseen}/cancellation",
        json={"reason": "重复"},
        headers=department(),
    )
    answer = await client.post("/api/v1/operations/catalog/republications", headers=platform())
    assert answer.status_code == 202, answer.text
    before = await recorded("catalog.item.suspended.v1")
    while await republish(process, prepared.service.republish):
        pass
    again = (await recorded("catalog.item.suspended.v1"))[len(before) :]
    assert [event["data"] for event in again] == [before[-1]["data"]]
    assert await recorded("catalog.item.cancelled.v1") == []
    seen = await client.get("/api/v1/operations/catalog/republications", headers=platform())
    (items,) = seen.json()["kinds"]
    assert items["finished_at"] is not None
