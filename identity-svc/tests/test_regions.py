import csv
import json
from pathlib import Path

import pytest

from .factories import admin, make_regions

ROWS = [
    {"code": "51", "name": " 四川省 "},
    {"code": "5116", "name": "广安市"},
    {"code": "511602", "name": "广安区"},
]
IMPORTS = "/api/v1/orgs/regions/imports"
CHANGED = "identity.region.changed.v1"


async def test_import_creates_and_tells(client, recorded):
    answer = await client.post(IMPORTS, json=ROWS, headers=admin())
    assert answer.json() == {
        "dry_run": False,
        "created": 3,
        "changed": 0,
        "unchanged": 0,
        "errors": [],
    }
    told = [event["data"] for event in await recorded(CHANGED)]
    assert told[2] == {
        "region_code": "511602000000",
        "name": "广安区",
        "level": "county",
        "parent_code": "511600000000",
        "version": 1,
    }
    assert told[0]["name"] == "四川省"


async def test_second_import_changes_nothing(client, recorded):
    await client.post(IMPORTS, json=ROWS, headers=admin())
    before = len(await recorded(CHANGED))
    answer = await client.post(IMPORTS, json=ROWS, headers=admin())
    assert answer.json()["unchanged"] == 3
    assert len(await recorded(CHANGED)) == before


async def test_renamed_region_gets_a_version(client, recorded):
    await client.post(IMPORTS, json=ROWS, headers=admin())
    renamed = [{"code": "511602000000", "name": "广安新区"}]
    answer = await client.post(IMPORTS, json=renamed, headers=admin())
    assert answer.json()["changed"] == 1
    last = (await recorded(CHANGED))[-1]
    assert (last["data"]["name"], last["data"]["version"]) == ("广安新区", 2)
    assert last["sequence"] == 2


async def test_dry_run_counts_and_keeps_nothing(client, recorded):
    answer = await client.post(IMPORTS, params={"dry_run": True}, json=ROWS, headers=admin())
    assert answer.json()["created"] == 3
    assert (await client.get("/api/v1/orgs/regions")).json()["data"] == []
    assert await recorded(CHANGED) == []


async def test_unreadable_rows_do_not_stop_the_others(client):
    rows = [
        {"code": "5x", "name": "坏"},
        {"code": "51"},
        ["51"],
        {"code": 51, "name": "四川省"},
        {"code": "51", "name": "四川省"},
        {"code": "510000", "name": "另一个名字"},
        {"code": "51", "name": "四川省"},
    ]
    answer = await client.post(IMPORTS, json=rows, headers=admin() | {"Accept-Language": "en"})
    report = answer.json()
    assert (report["created"], report["unchanged"]) == (1, 1)
    assert [error["index"] for error in report["errors"]] == [0, 1, 2, 3, 5]
    assert report["errors"][0]["reason"] == "A code has 2, 4, 6, 9 or 12 digits"


async def test_import_is_for_platform_administrators(client, token):
    assert (await client.post(IMPORTS, json=ROWS)).status_code == 401
    clerk = token("staff", roles=["department_admin"])
    assert (await client.post(IMPORTS, json=ROWS, headers=clerk)).status_code == 403


@pytest.mark.parametrize("body", [{"rows": []}, "text", [{"code": "51", "name": "x"}] * 1001])
async def test_import_takes_a_list_of_at_most_1000(client, body):
    answer = await client.post(IMPORTS, json=body, headers=admin())
    assert answer.status_code == 422


async def test_real_list_goes_in_and_in_again(client):
    folder = Path(__file__).parent / "../../../shared/data/regions"
    if not folder.is_dir():
        pytest.skip("the shared data folder is not beside the repository")
    rows = []
    for name in ("provinces", "cities", "areas"):
        with (folder / f"{name}.csv").open(encoding="utf-8") as lines:
            rows += [{"code": row["code"], "name": row["name"]} for row in csv.DictReader(lines)]
    created = unchanged = 0
    for start in range(0, len(rows), 1000):
        piece = rows[start : start + 1000]
        answer = (await client.post(IMPORTS, json=piece, headers=admin())).json()
        assert answer["errors"] == []
        created += answer["created"]
        answer = (await client.post(IMPORTS, json=piece, headers=admin())).json()
        unchanged += answer["unchanged"]
    # Three cities have no counties; the list names each twice, under one code.
    assert (created, unchanged, len(rows)) == (3348, 3351, 3351)


async def test_list_walks_down_and_searches(client):
    await make_regions(client)
    below = await client.get("/api/v1/orgs/regions", params={"parent": "5116"})
    assert [row["name"] for row in below.json()["data"]] == ["广安区"]
    found = await client.get("/api/v1/orgs/regions", params={"q": "广安", "limit": 1})
    assert found.json()["data"][0]["region_code"] == "511600000000"
    rest = await client.get(
        "/api/v1/orgs/regions", params={"q": "广安", "after": found.json()["next"]}
    )
    assert [row["level"] for row in rest.json()["data"]] == ["county"]


async def test_list_is_cached_until_it_changes(client):
    await make_regions(client)
    first = await client.get("/api/v1/orgs/regions")
    assert first.headers["cache-control"].startswith("public")
    tag = {"If-None-Match": first.headers["etag"]}
    assert (await client.get("/api/v1/orgs/regions", headers=tag)).status_code == 304
    renamed = [{"code": "51", "name": "新名"}]
    await client.post(IMPORTS, json=renamed, headers=admin())
    assert (await client.get("/api/v1/orgs/regions", headers=tag)).status_code == 200


@pytest.mark.parametrize(("code", "status"), [("511602", 200), ("99", 404), ("x", 404)])
async def test_one_region(client, code, status):
    await make_regions(client)
    assert (await client.get(f"/api/v1/orgs/regions/{code}")).status_code == status


async def test_list_below_an_impossible_code_is_not_found(client):
    assert (await client.get("/api/v1/orgs/regions", params={"parent": "511"})).status_code == 404
    assert (await client.get("/api/v1/orgs/regions", params={"parent": "x"})).status_code == 422


@pytest.mark.parametrize(
    "row",
    [
        {"code": "\ud800", "name": "广安区"},
        {"code": "511602", "name": "\ud800"},
        {"code": "511602", "name": "广\0安"},
        {"code": "511602", "name": "长" * 201},
        {"code": "5" * 5000, "name": "广安区"},
    ],
)
async def test_row_that_cannot_be_stored_does_not_stop_the_others(client, row):
    content = json.dumps([row, {"code": "51", "name": "四川省"}])
    answer = await client.post(
        IMPORTS, content=content, headers=admin() | {"Content-Type": "application/json"}
    )
    assert answer.status_code == 200, answer.text
    assert (answer.json()["created"], len(answer.json()["errors"])) == (1, 1)
    assert len(answer.text) < 500
