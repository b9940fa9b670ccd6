import pytest

from chassis import clock

from .factories import (
    code_of,
    csv_of,
    department,
    finish_import,
    guide,
    make_draft,
    make_open_item,
    material,
    platform,
    row,
)

ROW_2 = {
    "item_id",
    "task_code",
    "name",
    "task_type",
    "department",
    "region",
    "status",
    "online_applicable",
    "promise",
    "visits",
    "version",
    "links",
}


@pytest.fixture
async def item_id(client):
    return await make_open_item(client)


async def listed_id(client, process):
    await finish_import(client, process, csv_of([row(9)]))
    (item,) = (await client.get("/api/v1/items?q=事项9")).json()["data"]
    return item["item_id"]


async def test_the_list_shows_what_the_contract_names(client, item_id):
    (item,) = (await client.get("/api/v1/items")).json()["data"]
    assert item.keys() >= ROW_2
    assert item["department"] == {"code": "11511301008778298W", "name": "区民政局"}
    assert item["promise"] == {"value": 10, "unit": "working_day"}
    assert (item["status"], item["version"]) == ("open", 1)
    assert item["links"]["form"] == f"/api/v1/items/{item_id}/form"


async def test_the_guide_is_shown_whole(client, item_id):
    shown = (await client.get(f"/api/v1/items/{item_id}")).json()
    content = guide()
    for name in content.keys() - {"promise", "region"}:
        assert shown[name] == content[name], name
    assert [gap["code"] for gap in shown["guide_gaps"]] == ["code_local"]


async def test_the_order_of_form_fields_is_kept(client):
    fields = guide()["form"]["properties"]
    reordered = dict(reversed(fields.items()))
    content = guide() | {"form": guide()["form"] | {"properties": reordered}}
    item_id = await make_open_item(client, content)
    form = (await client.get(f"/api/v1/items/{item_id}/form")).json()
    assert list(form["schema"]["properties"]) == list(reordered)


async def test_the_form_comes_with_its_situations(client, item_id):
    answer = (await client.get(f"/api/v1/items/{item_id}/form")).json()
    assert answer.keys() == {"version", "schema", "ui", "situations"}
    assert answer["situations"] == guide()["questions"]
    assert answer["schema"] == guide()["form"]


@pytest.mark.parametrize("path", ["", "/{id}", "/{id}/form"])
async def test_unchanged_reads_are_answered_with_304(client, item_id, path):
    path = "/api/v1/items" + path.format(id=item_id)
    first = await client.get(path)
    assert first.headers["cache-control"].startswith("public")
    again = await client.get(path, headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


async def test_a_new_version_has_another_tag(client, item_id):
    first = await client.get(f"/api/v1/items/{item_id}")
    path = f"/api/v1/catalog/items/{item_id}/suspension"
    await client.post(path, json={"reason": "系统升级"}, headers=platform())
    again = await client.get(
        f"/api/v1/items/{item_id}", headers={"If-None-Match": first.headers["etag"]}
    )
    assert (again.status_code, again.json()["status"]) == (200, "suspended")


async def test_an_unknown_item_is_404_everywhere(client):
    path = f"/api/v1/items/{clock.new_id()}"
    for answer in (
        await client.get(path),
        await client.get(f"{path}/form"),
        await client.post(f"{path}/precheck", json={}),
    ):
        assert answer.status_code == 404
        assert answer.json()["type"] == "urn:onenet:problem:item-not-found"
    assert (await client.get("/api/v1/items/no-uuid")).status_code == 422


async def test_a_draft_is_not_public(client):
    item_id = await make_draft(client, guide(), department())
    assert (await client.get(f"/api/v1/items/{item_id}")).status_code == 404
    assert (await client.get("/api/v1/items")).json()["data"] == []


async def test_a_listed_item_is_shown_but_not_open(client, process):
    item_id = await listed_id(client, process)
    shown = (await client.get(f"/api/v1/items/{item_id}")).json()
    assert (shown["status"], shown["materials"], shown["fees"]) == ("listed", None, None)
    assert {"/conditions", "/materials", "/steps"} <= {
        gap["pointer"] for gap in shown["guide_gaps"]
    }
    assert shown["links"].keys() == {"self"}
    for answer in (
        await client.get(f"/api/v1/items/{item_id}/form"),
        await client.post(f"/api/v1/items/{item_id}/precheck", json={"answers": {}}),
    ):
        assert answer.status_code == 409
        assert answer.json()["type"] == "urn:onenet:problem:item-not-open"


async def test_a_suspended_item_keeps_its_guide_but_takes_no_application(client, item_id):
    path = f"/api/v1/catalog/items/{item_id}/suspension"
    await client.post(path, json={"reason": "系统升级"}, headers=platform())
    assert (await client.get(f"/api/v1/items/{item_id}")).json()["materials"]
    assert (await client.get(f"/api/v1/items/{item_id}/form")).status_code == 409


async def test_problems_speak_the_readers_language(client):
    path = f"/api/v1/items/{clock.new_id()}"
    chinese = (await client.get(path)).json()["detail"]
    english = (await client.get(path, headers={"Accept-Language": "en"})).json()["detail"]
    assert "没有找到" in chinese
    assert "No such item" in english


async def precheck(client, item_id, **body):
    return await client.post(f"/api/v1/items/{item_id}/precheck", json=body)


async def test_precheck_takes_defaults_and_waits_for_the_deciding_answer(client, item_id):
    answer = (await precheck(client, item_id)).json()
    assert answer["eligible"] is None
    assert [material["material_id"] for material in answer["materials"]] == ["m1"]
    assert (
        answer["materials"][0].items()
        >= {
            "required": True,
            "source": "applicant",
            "certificate_type": None,
            "upload_allowed": True,
            "promise_allowed": False,
        }.items()
    )


@pytest.mark.parametrize(
    ("household", "eligible", "materials"),
    [("local", True, ["m1"]), ("other", False, ["m1", "m2"])],
)
async def test_answers_decide_eligibility_and_materials(
    client, item_id, household, eligible, materials
):
    answer = (await precheck(client, item_id, answers={"household": household})).json()
    assert answer["eligible"] is eligible
    assert [material["material_id"] for material in answer["materials"]] == materials


async def test_another_applicant_type_is_not_served(client, item_id):
    answer = await precheck(client, item_id, answers={}, applicant_type="enterprise")
    assert answer.json()["eligible"] is False


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"answers": {"household": "mars"}}, "/answers/household"),
        ({"answers": {"shoe": "43"}}, "/answers/shoe"),
        ({"answers": {"household": 5}}, "/answers/household"),
        ({"answers": []}, "/answers"),
        ({"applicant_type": "robot"}, "/applicant_type"),
        ({"unheard": 1}, "/unheard"),
    ],
)
async def test_malformed_answers_are_named(client, item_id, body, pointer):
    answer = await precheck(client, item_id, **body)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == pointer


async def test_optional_members_of_a_material_may_be_absent(client):
    plain = material()
    for name in ("certificate_type", "promise_days", "filling_notes", "when"):
        del plain[name]
    item_id = await make_open_item(client, guide(materials=[plain]))
    (shown,) = (await precheck(client, item_id)).json()["materials"]
    assert (shown["certificate_type"], shown["promise_days"]) == (None, None)


async def test_cancelled_items_leave_the_list_but_not_the_record(client, item_id):
    path = f"/api/v1/catalog/items/{item_id}/cancellation"
    await client.post(path, json={"reason": "法律废止"}, headers=platform())
    assert (await client.get("/api/v1/items")).json()["data"] == []
    assert (await client.get(f"/api/v1/items/{item_id}")).json()["status"] == "cancelled"
    lists = (await client.get("/api/v1/lists/benefits")).json()
    assert lists["data"] == []


async def test_lists_follow_the_item_types(client, process, item_id):
    await finish_import(client, process, csv_of([row(7, task_type="1"), row(8)]))
    kinds = (await client.get("/api/v1/lists")).json()["data"]
    assert {"power", "permits", "public_services"} <= {kind["kind"] for kind in kinds}
    expected = {
        "power": {code_of(1), code_of(7)},
        "permits": {code_of(7)},
        "public_services": {code_of(8)},
        "benefits": {code_of(1)},
    }
    for name, codes in expected.items():
        items = (await client.get(f"/api/v1/lists/{name}")).json()["data"]
        assert {item["item_code"] for item in items} == codes
    assert (await client.get("/api/v1/lists/wishes")).status_code == 404


@pytest.mark.parametrize(
    "path",
    ["items", "lists", "lists/public_services", "catalog/base-items", "catalog/guide-schema"],
)
async def test_a_public_read_that_did_not_change_is_304(client, item_id, path):
    first = await client.get(f"/api/v1/{path}")
    held = {"If-None-Match": first.headers["etag"]}
    again = await client.get(f"/api/v1/{path}", headers=held)
    assert (first.status_code, again.status_code, again.content) == (200, 304, b"")
    assert "public" in first.headers["cache-control"]
