import asyncio

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError

from catalog_svc.items.models import ItemVersion
from chassis import clock

from .factories import (
    DEPARTMENT,
    REGION,
    clerk,
    code_of,
    csv_of,
    department,
    finish_import,
    guide,
    make_draft,
    make_open_item,
    platform,
    row,
)

AUTHOR = "01990000-0000-7000-8000-000000000009"


def author():
    return department(id=AUTHOR)


def body(content=None, **changes):
    content = content or guide()
    return {
        "item_code": content["item_code"],
        "name": content["name"],
        "task_type": content["task_type"],
        "department": content["department"],
        "region": content["region"],
        "guide": content,
    } | changes


@pytest.fixture
async def path(client):
    return f"/api/v1/catalog/items/{await make_draft(client, guide(), author())}"


async def publish(client, path, content=None):
    if content is not None:
        tag = (await client.get(f"{path}/draft", headers=author())).headers["etag"]
        headers = author() | {"If-Match": tag}
        edited = await client.put(f"{path}/draft", json={"guide": content}, headers=headers)
        assert edited.status_code == 200, edited.text
    await client.post(f"{path}/submission", headers=author())
    return await client.post(f"{path}/approval", headers=platform())


async def test_a_new_item_begins_as_a_draft_with_its_gaps(client):
    answer = await client.post("/api/v1/catalog/items", json=body(guide={}), headers=author())
    assert answer.status_code == 201
    draft = answer.json()
    assert answer.headers["location"] == draft["links"]["self"]
    assert answer.headers["etag"] == '"1"'
    assert draft["guide"]["department"] == DEPARTMENT
    assert "/conditions" in {gap["pointer"] for gap in draft["guide_gaps"]}
    assert (draft["status"], draft["actions"]) == ("editing", ["edit", "submission"])


async def test_codes_are_completed_when_an_item_is_created(client):
    short = body(guide={}, task_type="5", region={"code": "511602", "name": "广安区"})
    draft = (await client.post("/api/v1/catalog/items", json=short, headers=author())).json()
    assert (draft["guide"]["task_type"], draft["guide"]["region"]) == ("05", REGION)


async def test_a_code_is_taken_once(client, path):
    answer = await client.post("/api/v1/catalog/items", json=body(), headers=author())
    assert (answer.status_code, answer.json()["type"]) == (
        409,
        "urn:onenet:problem:item-code-taken",
    )


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"item_code": " "}, "/item_code"),
        ({"task_type": "permit"}, "/task_type"),
        ({"region": {"code": "1", "name": "x"}}, "/region/code"),
        ({"unheard": 1}, "/unheard"),
        ({"guide": {"visits": "none"}}, "/guide/visits"),
        ({"guide": {"item_code": "another"}}, "/guide/item_code"),
    ],
)
async def test_malformed_items_are_named(client, changes, pointer):
    answer = await client.post("/api/v1/catalog/items", json=body(**changes), headers=author())
    assert answer.status_code == 422, answer.text
    assert answer.json()["errors"][0]["pointer"] == pointer


async def test_the_whole_way_to_publication(client, path, recorded, session):
    submitted = (await client.post(f"{path}/submission", headers=author())).json()
    assert (submitted["status"], submitted["submitted_by"]) == ("submitted", AUTHOR)
    approved = await client.post(f"{path}/approval", json={}, headers=platform())
    assert approved.status_code == 200
    item = approved.json()
    assert (item["status"], item["version"], item["draft_status"]) == ("open", 1, "approved")
    (event,) = await recorded("catalog.item.published.v1")
    assert event["data"]["guide"] == guide()
    assert (event["subject"], event["data"]["version"]) == (item["item_id"], 1)
    (version,) = await session.scalars(select(ItemVersion))
    assert (str(version.submitted_by), version.source) == (AUTHOR, "approval")


async def test_an_edit_makes_a_second_version_and_the_first_stays(client, path, recorded):
    await publish(client, path)
    answer = await publish(client, path, guide(quantity_limit="每户一次"))
    assert answer.json()["version"] == 2
    versions = (await client.get(f"{path}/versions", headers=author())).json()["data"]
    assert [version["version"] for version in versions] == [2, 1]
    first = (await client.get(f"{path}/versions/1", headers=author())).json()
    assert first["guide"]["quantity_limit"] == "无"
    diff = (await client.get(f"{path}/diff?from=1&to=2", headers=author())).json()
    assert diff["differences"] == [
        {"pointer": "/quantity_limit", "change": "changed", "before": "无", "after": "每户一次"}
    ]
    assert [event["sequence"] for event in await recorded("catalog.item.published.v1")] == [1, 2]


async def test_a_published_version_cannot_be_changed_in_the_database(client, path, session):
    await publish(client, path)
    with pytest.raises(DBAPIError, match="immutable"):
        await session.execute(text("UPDATE item_version SET version = 9"))


async def test_unknown_versions_are_404(client, path):
    for end in ("versions/9", "diff?from=1&to=2"):
        assert (await client.get(f"{path}/{end}", headers=author())).status_code == 404


async def test_an_edit_needs_the_present_tag(client, path):
    content = {"guide": guide(quantity_limit="1")}
    missing = await client.put(f"{path}/draft", json=content, headers=author())
    assert missing.status_code == 428
    stale = await client.put(f"{path}/draft", json=content, headers=author() | {"If-Match": '"9"'})
    assert stale.status_code == 412
    good = await client.put(f"{path}/draft", json=content, headers=author() | {"If-Match": '"1"'})
    assert (good.status_code, good.headers["etag"]) == (200, '"2"')
    again = await client.put(f"{path}/draft", json=content, headers=author() | {"If-Match": '"1"'})
    assert again.status_code == 412


@pytest.mark.parametrize("action", ["submission", "approval", "return"])
async def test_actions_honour_a_tag_if_sent(client, path, action):
    headers = platform() | {"If-Match": '"9"'}
    answer = await client.post(
        f"{path}/{action}", json={"reason": "x"} if action == "return" else {}, headers=headers
    )
    assert answer.status_code == 412


async def test_who_submitted_does_not_approve(client):
    both = platform(id=AUTHOR)
    path = f"/api/v1/catalog/items/{await make_draft(client, guide(), both)}"
    await client.post(f"{path}/submission", headers=both)
    answer = await client.post(f"{path}/approval", headers=both)
    assert (answer.status_code, answer.json()["type"]) == (403, "urn:onenet:problem:own-submission")
    assert (await client.post(f"{path}/approval", headers=platform())).status_code == 200


async def test_a_guide_with_gaps_is_not_published(client, path, session):
    answer = await publish(client, path, guide(steps=[]))
    assert (answer.status_code, answer.json()["type"]) == (
        409,
        "urn:onenet:problem:guide-incomplete",
    )
    assert [gap["pointer"] for gap in answer.json()["guide_gaps"]] == ["/steps"]
    assert await session.scalar(select(func.count()).select_from(ItemVersion)) == 0


async def test_a_returned_draft_says_why_and_may_be_submitted_again(client, path):
    await client.post(f"{path}/submission", headers=author())
    answer = await client.post(f"{path}/return", json={"reason": "依据不全"}, headers=platform())
    assert (answer.json()["status"], answer.json()["return_reason"]) == ("returned", "依据不全")
    again = (await client.post(f"{path}/submission", headers=author())).json()
    assert (again["status"], again["return_reason"]) == ("submitted", None)


async def test_the_wrong_moment_names_what_is_possible(client, path):
    for action, sent in (("approval", {}), ("return", {"reason": "x"})):
        answer = await client.post(f"{path}/{action}", json=sent, headers=platform())
        assert answer.status_code == 409
        assert answer.json()["actions"] == ["edit", "submission"]
    await client.post(f"{path}/submission", headers=author())
    headers = author() | {"If-Match": "*"}
    edit = await client.put(f"{path}/draft", json={"guide": guide()}, headers=headers)
    assert edit.status_code == 409
    assert edit.json()["actions"] == ["approval", "return"]


async def test_the_draft_of_a_listed_item_starts_from_its_row(client, process):
    await finish_import(client, process, csv_of([row(1)]))
    item = (await client.get("/api/v1/items")).json()["data"][0]
    path = f"/api/v1/catalog/items/{item['item_id']}"
    fresh = await client.get(f"{path}/draft", headers=author())
    assert (fresh.json()["tag"], fresh.json()["actions"]) == (0, ["edit"])
    assert fresh.json()["guide"]["name"] == "事项1"
    nothing = await client.post(f"{path}/submission", headers=author())
    assert (nothing.status_code, nothing.json()["type"]) == (
        404,
        "urn:onenet:problem:draft-not-found",
    )
    headers = author() | {"If-Match": fresh.headers["etag"]}
    await client.put(f"{path}/draft", json={"guide": guide(1)}, headers=headers)
    await client.post(f"{path}/submission", headers=author())
    opened = (await client.post(f"{path}/approval", headers=platform())).json()
    assert (opened["status"], opened["version"], opened["revision"]) == ("open", 1, 2)


async def test_the_draft_of_an_imported_guide_starts_from_it(client, process):
    from .factories import jsonl_of

    await finish_import(client, process, jsonl_of([guide(1)]), name="g.jsonl")
    item = (await client.get("/api/v1/items")).json()["data"][0]
    path = f"/api/v1/catalog/items/{item['item_id']}/draft"
    assert (await client.get(path, headers=author())).json()["guide"] == guide(1)


async def test_a_cancelled_item_is_not_edited_any_more(client, path):
    await publish(client, path)
    await client.post(f"{path}/cancellation", json={"reason": "废止"}, headers=author())
    draft = (await client.get(f"{path}/draft", headers=author())).json()
    assert draft["actions"] == []
    headers = author() | {"If-Match": "*"}
    answer = await client.put(f"{path}/draft", json={"guide": guide()}, headers=headers)
    assert answer.status_code == 409


async def test_a_department_cannot_give_its_item_away(client, path):
    foreign = guide(department={"code": "D2", "name": "他局"})
    headers = author() | {"If-Match": "*"}
    answer = await client.put(f"{path}/draft", json={"guide": foreign}, headers=headers)
    assert answer.status_code == 403
    moved = await client.put(
        f"{path}/draft", json={"guide": foreign}, headers=platform() | {"If-Match": "*"}
    )
    assert moved.status_code == 200


@pytest.mark.parametrize("content", [{"name": "\u0000"}, {"visits": float("inf")}])
async def test_what_cannot_be_stored_is_refused(client, path, content):
    import json

    raw = json.dumps({"guide": guide(**content)})
    headers = author() | {"If-Match": "*", "Content-Type": "application/json"}
    answer = await client.put(f"{path}/draft", content=raw, headers=headers)
    assert answer.status_code == 422


ROUTES = [
    ("GET", "/draft", "department"),
    ("PUT", "/draft", "department"),
    ("POST", "/submission", "department"),
    ("POST", "/approval", "platform"),
    ("POST", "/return", "platform"),
    ("POST", "/suspension", "department"),
    ("POST", "/resumption", "department"),
    ("POST", "/cancellation", "department"),
    ("GET", "/versions", "department"),
    ("GET", "/versions/1", "department"),
    ("GET", "/revisions", "department"),
    ("GET", "/diff?from=1&to=1", "department"),
    ("GET", "", "department"),
]


@pytest.mark.parametrize(("method", "end", "who"), ROUTES)
async def test_each_managing_route_states_who_may(client, token, method, end, who):
    item_id = await make_open_item(client)
    url = f"/api/v1/catalog/items/{item_id}{end}"
    sent = {"json": {"guide": guide()} if method == "PUT" else {"reason": "x"}}
    options = (
        sent if method != "GET" and end not in {"/submission", "/approval", "/resumption"} else {}
    )

    async def call(headers):
        return (
            await client.request(method, url, headers=headers | {"If-Match": "*"}, **options)
        ).status_code

    assert await call({}) == 401
    assert await call(token("citizen")) == 403
    assert await call(token("system", department=DEPARTMENT["code"])) == 403
    assert await call(clerk()) == 403
    assert await call(department("D2")) == 403
    assert await call(platform()) not in {401, 403}
    assert (await call(department()) == 403) is (who == "platform")


@pytest.mark.parametrize("end", ["/draft", "", "/versions"])
async def test_another_departments_draft_does_not_exist(client, path, end):
    assert (await client.get(path + end, headers=department("D2"))).status_code == 404
    assert (await client.get(path + end, headers=department())).status_code == 200


async def test_creating_for_another_department_is_refused(client):
    answer = await client.post("/api/v1/catalog/items", json=body(), headers=department("D2"))
    assert answer.status_code == 403
    assert (
        await client.post("/api/v1/catalog/items", json=body(), headers=clerk())
    ).status_code == 403
    assert (await client.post("/api/v1/catalog/items", json=body())).status_code == 401


async def test_unknown_items_are_404_for_administrators(client):
    url = f"/api/v1/catalog/items/{clock.new_id()}"
    assert (await client.get(f"{url}/draft", headers=platform())).status_code == 404
    assert (await client.post(f"{url}/approval", headers=platform())).status_code == 404


async def test_the_managed_list_holds_what_one_manages(client, process):
    await make_open_item(client, guide(1))
    await make_draft(client, guide(2), author())
    await finish_import(client, process, csv_of([row(3, department_code="D2")]))

    async def codes(headers, **query):
        answer = await client.get("/api/v1/catalog/items", params=query, headers=headers)
        return {item["item_code"] for item in answer.json()["data"]}

    assert await codes(platform()) == {code_of(1), code_of(2), code_of(3)}
    assert await codes(department()) == {code_of(1), code_of(2)}
    assert await codes(platform(), status="listed") == {code_of(3)}
    assert await codes(department(), status="draft") == {code_of(2)}
    assert (
        await client.get("/api/v1/catalog/items?status=x", headers=platform())
    ).status_code == 422


async def test_of_two_approvals_at_once_one_publishes(concurrent_client):
    path = f"/api/v1/catalog/items/{await make_draft(concurrent_client, guide(), author())}"
    await concurrent_client.post(f"{path}/submission", headers=author())
    answers = await asyncio.gather(
        *(concurrent_client.post(f"{path}/approval", headers=platform()) for _ in range(4))
    )
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409]
    versions = await concurrent_client.get(f"{path}/versions", headers=author())
    assert len(versions.json()["data"]) == 1


async def test_of_two_equal_codes_at_once_one_is_created(concurrent_client):
    answers = await asyncio.gather(
        *(
            concurrent_client.post("/api/v1/catalog/items", json=body(), headers=author())
            for _ in range(4)
        )
    )
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]
