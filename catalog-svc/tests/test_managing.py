import pytest

from .factories import clerk, department, guide, make_draft, make_open_item, platform

REASON = {"reason": "系统升级"}


async def act(client, item_id, action, body=None, headers=None):
    path = f"/api/v1/catalog/items/{item_id}/{action}"
    return await client.post(path, json=body, headers=headers or department())


async def test_suspension_and_resumption_are_published(client, recorded):
    item_id = await make_open_item(client)
    suspended = await act(client, item_id, "suspension", REASON)
    assert (suspended.json()["status"], suspended.json()["revision"]) == ("suspended", 2)
    assert suspended.json()["actions"] == ["resumption", "cancellation"]
    resumed = await act(client, item_id, "resumption", {})
    assert (resumed.json()["status"], resumed.headers["etag"]) == ("open", '"3"')
    (event,) = await recorded("catalog.item.suspended.v1")
    assert (event["data"]["status"], event["data"]["guide"]) == ("suspended", guide())
    (event,) = await recorded("catalog.item.resumed.v1")
    assert (event["data"]["status"], event["data"]["revision"]) == ("open", 3)


async def test_cancellation_is_final(client, recorded):
    item_id = await make_open_item(client)
    assert (await act(client, item_id, "cancellation", REASON)).status_code == 200
    (event,) = await recorded("catalog.item.cancelled.v1")
    assert (event["data"]["status"], event["data"]["revision"]) == ("cancelled", 2)
    for action, body in (("suspension", REASON), ("resumption", {}), ("cancellation", REASON)):
        answer = await act(client, item_id, action, body)
        assert (answer.status_code, answer.json()["actions"]) == (409, [])


async def test_a_cancelled_draft_was_never_public(client, recorded):
    item_id = await make_draft(client, guide(), department())
    answer = await act(client, item_id, "cancellation", REASON)
    assert (answer.json()["status"], answer.json()["revision"]) == ("cancelled", 0)
    assert await recorded("catalog.item.cancelled.v1") == []
    assert (await client.get(f"/api/v1/items/{item_id}")).status_code == 404


async def test_an_open_item_is_not_resumed(client):
    answer = await act(client, await make_open_item(client), "resumption")
    assert answer.status_code == 409
    assert answer.json()["actions"] == ["publication", "suspension", "cancellation"]


async def test_a_new_guide_does_not_end_a_suspension(client):
    item_id = await make_open_item(client)
    await act(client, item_id, "suspension", REASON)
    path = f"/api/v1/catalog/items/{item_id}"
    headers = department(id="01990000-0000-7000-8000-000000000009") | {"If-Match": "*"}
    await client.put(f"{path}/draft", json={"guide": guide(visits=0)}, headers=headers)
    await client.post(f"{path}/submission", headers=headers)
    answer = (await client.post(f"{path}/approval", headers=platform())).json()
    assert (answer["status"], answer["version"]) == ("suspended", 2)


async def test_actions_honour_a_tag_if_sent(client):
    item_id = await make_open_item(client)
    stale = department() | {"If-Match": '"7"'}
    assert (await act(client, item_id, "suspension", REASON, stale)).status_code == 412
    fresh = department() | {"If-Match": '"1"'}
    assert (await act(client, item_id, "suspension", REASON, fresh)).status_code == 200


@pytest.mark.parametrize("body", [{}, {"reason": " "}, {"reason": 5}, {"reason": "x", "more": 1}])
async def test_a_suspension_needs_its_reason(client, body):
    answer = await act(client, await make_open_item(client), "suspension", body)
    assert answer.status_code == 422


async def test_the_journal_says_who_did_what_and_why(client):
    item_id = await make_open_item(client)
    await act(client, item_id, "suspension", REASON)
    answer = await client.get(f"/api/v1/catalog/items/{item_id}/revisions", headers=department())
    entries = [(r["revision"], r["action"], r["reason"]) for r in answer.json()["data"]]
    assert entries == [(2, "suspension", "系统升级"), (1, "publication", None)]


BASE = {
    "catalog_code": "000112001000",
    "name": "最低生活保障",
    "task_type": "05",
    "use_levels": ["4"],
    "legal_basis": [{"law": "社会救助暂行办法"}],
}
BASE_ITEMS = "/api/v1/catalog/base-items"


async def test_base_items_are_kept_by_the_platform(client):
    created = await client.post(BASE_ITEMS, json=BASE, headers=platform())
    assert created.status_code == 201
    assert (await client.post(BASE_ITEMS, json=BASE, headers=platform())).status_code == 409
    assert (await client.post(BASE_ITEMS, json=BASE, headers=department())).status_code == 403
    assert (await client.post(BASE_ITEMS, json=BASE)).status_code == 401
    bad = BASE | {"catalog_code": "1"}
    assert (await client.post(BASE_ITEMS, json=bad, headers=platform())).status_code == 422
    (shown,) = (await client.get(BASE_ITEMS)).json()["data"]
    assert shown["catalog_code"] == "000112001000"


async def test_a_guide_must_agree_with_its_base_item(client):
    await client.post(BASE_ITEMS, json=BASE, headers=platform())
    agreed = guide(1, catalog_code=BASE["catalog_code"])
    await make_open_item(client, agreed)
    renamed = guide(2, catalog_code=BASE["catalog_code"], name="别名", task_type="20")
    item_id = await make_draft(client, renamed, department())
    path = f"/api/v1/catalog/items/{item_id}"
    gaps = (await client.get(f"{path}/draft", headers=department())).json()["guide_gaps"]
    pointers = [gap["pointer"] for gap in gaps if gap["code"] == "base_item_differs"]
    assert pointers == ["/name", "/task_type"]


async def test_the_shape_of_a_guide_is_published(client):
    schema = (await client.get("/api/v1/catalog/guide-schema")).json()
    assert schema["properties"].keys() == guide().keys()


async def test_import_and_export_need_a_role(client):
    assert (await client.get("/api/v1/catalog/imports", headers=clerk())).status_code == 403
    assert (await client.get("/api/v1/catalog/items", headers=clerk())).status_code == 403
    assert (await client.get("/api/v1/catalog/items")).status_code == 401


@pytest.mark.parametrize("part", ["versions/99999999999999999999", "diff?from=1&to=99999999999"])
async def test_a_version_no_number_reaches_is_422(client, part):
    item_id = await make_open_item(client)
    answer = await client.get(f"/api/v1/catalog/items/{item_id}/{part}", headers=platform())
    assert answer.status_code == 422


async def test_an_import_sent_as_a_plain_form_is_422(client):
    headers = platform() | {
        "Content-Type": "application/x-www-form-urlencoded",
        "Idempotency-Key": "k",
    }
    answer = await client.post("/api/v1/catalog/imports", content=b"file=x", headers=headers)
    assert answer.status_code == 422
