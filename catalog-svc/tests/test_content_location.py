"""What staff do answers with the state of a thing, and says where that state is read again."""

from chassis import clock

from .factories import csv_of, department, guide, make_open_item, platform, row, start_import


async def ensure_read_again(client, answer, headers):
    """The address in the answer shows the very same representation."""
    assert answer.status_code in {200, 201, 202}, answer.text
    again = await client.get(answer.headers["content-location"], headers=headers)
    assert (again.status_code, again.json()) == (200, answer.json())
    return answer.json()


async def test_every_step_to_a_published_guide(client):
    author, content = department(id=clock.new_id()), guide()
    body = {name: content[name] for name in ("item_code", "name", "task_type")}
    body |= {name: content[name] for name in ("department", "region")} | {"guide": content}
    created = await client.post("/api/v1/catalog/items", json=body, headers=author)
    item_id = (await ensure_read_again(client, created, author))["item_id"]
    for action, reason, headers in (
        ("submission", None, author),
        ("return", "请补充", platform()),
        ("submission", None, author),
        ("approval", None, platform()),
    ):
        answer = await client.post(
            f"/api/v1/catalog/items/{item_id}/{action}",
            json={"reason": reason} if reason else None,
            headers=headers,
        )
        await ensure_read_again(client, answer, headers)


async def test_suspension_resumption_and_cancellation(client):
    path, headers = f"/api/v1/catalog/items/{await make_open_item(client)}", department()
    for action, body in (
        ("suspension", {"reason": "系统升级"}),
        ("resumption", {}),
        ("cancellation", {"reason": "并入他项"}),
    ):
        answer = await client.post(f"{path}/{action}", json=body, headers=headers)
        await ensure_read_again(client, answer, headers)


async def test_a_base_item(client):
    body = {"catalog_code": "000105001000", "name": "低保", "task_type": "05", "use_levels": ["4"]}
    answer = await client.post("/api/v1/catalog/base-items", json=body, headers=platform())
    await ensure_read_again(client, answer, platform())


async def test_a_base_item_that_does_not_exist_is_not_found(client):
    answer = await client.get("/api/v1/catalog/base-items/000105001999")
    assert (answer.status_code, answer.json()["type"]) == (
        404,
        "urn:onenet:problem:base-item-not-found",
    )


async def test_an_import(client):
    answer = await start_import(client, csv_of([row(1)]))
    await ensure_read_again(client, answer, platform())
