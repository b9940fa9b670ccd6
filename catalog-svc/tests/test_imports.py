import itertools
import json

import pytest
from sqlalchemy import func, select

from catalog_svc.interchange import usecases
from catalog_svc.interchange.models import ImportChunk
from catalog_svc.items.models import Item, ItemRevision, ItemVersion

from .factories import (
    clerk,
    code_of,
    csv_of,
    department,
    finish_import,
    guide,
    jsonl_of,
    make_draft,
    make_open_item,
    platform,
    row,
    start_import,
    take_turns,
)
from .test_codes import REAL_LIST, SHAPES

REAL_BYTES = REAL_LIST.read_bytes() if REAL_LIST.exists() else b""
NAMES = ("total", "processed", "created", "changed", "unchanged", "rejected")


def counts(job):
    return tuple(job[name] for name in NAMES)


async def total(session, table):
    return await session.scalar(select(func.count()).select_from(table))


async def errors_of(client, job):
    return (await client.get(job["links"]["errors"], headers=platform())).json()["data"]


async def test_rows_become_listed_items_with_their_gaps(client, process, recorded):
    job = await finish_import(
        client, process, csv_of([row(1, item_name="残疾人证办理", task_type="1")])
    )
    assert (job["status"], counts(job)) == ("finished", (1, 1, 1, 0, 0, 0))
    (item,) = (await client.get("/api/v1/items?q=残疾")).json()["data"]
    assert (item["status"], item["version"], item["task_type"]) == ("listed", 0, "01")
    shown = (await client.get(item["links"]["self"])).json()
    assert {gap["code"] for gap in shown["guide_gaps"]} == {"missing", "code_local"}
    (event,) = await recorded("catalog.item.published.v1")
    assert (event["data"]["status"], event["data"]["guide"]) == ("listed", None)
    assert (event["data"]["version"], event["data"]["revision"]) == (0, 1)


async def test_a_second_import_changes_nothing(client, process, session, recorded):
    content = csv_of([row(item_code=code) for code, _, _ in SHAPES])
    await finish_import(client, process, content)
    job = await finish_import(client, process, content)
    assert counts(job) == (len(SHAPES), len(SHAPES), 0, 0, len(SHAPES), 0)
    assert await total(session, ItemRevision) == len(SHAPES)
    assert len(await recorded("catalog.item.published.v1")) == len(SHAPES)


async def test_a_changed_row_makes_a_new_revision(client, process, session, recorded):
    await finish_import(client, process, csv_of([row(1), row(2)]))
    job = await finish_import(client, process, csv_of([row(1), row(2, item_name="新名称")]))
    assert counts(job) == (2, 2, 0, 1, 1, 0)
    assert [event["data"]["revision"] for event in await recorded("catalog.item.published.v1")] == [
        1,
        1,
        2,
    ]
    assert (await client.get("/api/v1/items?q=新名称")).json()["data"]


async def test_a_published_guide_knows_better_than_a_list(client, process, session):
    item_id = await make_open_item(client, guide(1))
    job = await finish_import(client, process, csv_of([row(1, item_name="别的名称")]))
    assert counts(job) == (1, 1, 0, 0, 1, 0)
    shown = (await client.get(f"/api/v1/items/{item_id}")).json()
    assert (shown["name"], shown["version"], shown["status"]) == ("最低生活保障", 1, "open")


async def test_unreadable_rows_are_reported_while_the_others_go_in(client, process):
    content = csv_of([row(1), row(2, item_name=""), row(3), row(1)])
    job = await finish_import(client, process, content)
    assert counts(job) == (4, 4, 2, 0, 0, 2)
    first, second = await errors_of(client, job)
    assert (first["line"], first["column"]) == (3, "item_name")
    assert first["row"]["item_code"] == code_of(2)
    assert (second["line"], second["column"]) == (5, "item_code")
    assert first["reason_zh"]
    assert first["reason_en"]


async def test_a_dry_run_counts_and_writes_nothing(client, process, session):
    await finish_import(client, process, csv_of([row(1)]))
    content = csv_of([row(1, item_name="改"), row(2), row(3, item_name="")])
    job = await finish_import(client, process, content, dry_run="true")
    assert (job["dry_run"], counts(job)) == (True, (3, 3, 1, 1, 0, 1))
    assert [error["line"] for error in await errors_of(client, job)] == [4]
    assert await total(session, Item) == 1


async def test_dry_run_may_stand_in_the_query(client, process, session):
    started = await client.post(
        "/api/v1/catalog/imports?dry_run=true",
        files={"file": ("a.csv", csv_of([row(1)]).encode())},
        headers=platform(),
    )
    job = await take_turns(client, process, started.json(), platform())
    assert (job["dry_run"], job["created"]) == (True, 1)
    assert await total(session, Item) == 0


async def test_a_cancelled_item_stays_cancelled(client, process):
    await finish_import(client, process, csv_of([row(1)]))
    item = (await client.get("/api/v1/items")).json()["data"][0]
    path = f"/api/v1/catalog/items/{item['item_id']}/cancellation"
    assert (
        await client.post(path, json={"reason": "并入他项"}, headers=platform())
    ).status_code == 200
    job = await finish_import(client, process, csv_of([row(1)]))
    assert counts(job) == (1, 1, 0, 0, 0, 1)
    assert (await client.get(item["links"]["self"])).json()["status"] == "cancelled"


async def test_a_draft_named_by_a_list_becomes_public(client, process):
    item_id = await make_draft(client, guide(1), department())
    assert (await client.get(f"/api/v1/items/{item_id}")).status_code == 404
    job = await finish_import(client, process, csv_of([row(1)]))
    assert counts(job) == (1, 1, 0, 1, 0, 0)
    assert (await client.get(f"/api/v1/items/{item_id}")).json()["status"] == "listed"


async def test_a_department_lists_its_own_items_only(client, process):
    other = row(2, department_code="D2")
    await finish_import(client, process, csv_of([other]))
    mine = department(id="01990000-0000-7000-8000-000000000001")
    taken = row(2, item_name="夺取")
    job = await finish_import(
        client, process, csv_of([row(1), taken, row(3, department_code="D2")]), actor=mine
    )
    assert counts(job) == (3, 3, 1, 0, 0, 2)
    assert {error["column"] for error in await errors_of(client, job)} == {"department_code"}


async def test_an_import_belongs_to_who_started_it(client):
    mine = department(id="01990000-0000-7000-8000-000000000001")
    started = (await start_import(client, csv_of([row(1)]), actor=mine)).json()
    assert (await client.get(started["links"]["self"], headers=mine)).status_code == 200
    assert (await client.get(started["links"]["self"], headers=platform())).status_code == 200
    for path in (started["links"]["self"], started["links"]["errors"]):
        assert (await client.get(path, headers=department())).status_code == 404
        assert (await client.get(path, headers=clerk())).status_code == 403
    seen = (await client.get("/api/v1/catalog/imports", headers=department())).json()
    assert seen["data"] == []


async def test_progress_shows_and_a_crash_loses_nothing(client, process, session, monkeypatch):
    monkeypatch.setattr(usecases, "CHUNK", {"csv": 10})
    monkeypatch.setattr(usecases, "TURN_SECONDS", -1)
    started = (await start_import(client, csv_of([row(n) for n in range(25)]))).json()
    assert (started["status"], started["processed"]) == ("queued", 0)

    async def turn(*, dies=False):
        async with process.sessions.begin() as turning:
            turning.info["process"] = process
            await usecases.take_chunk(turning, await usecases.queries.next_job(turning))
            if dies:
                raise InterruptedError("before the commit")
        return (await client.get(started["links"]["self"], headers=platform())).json()

    assert counts(await turn())[:3] == (25, 10, 10)
    with pytest.raises(InterruptedError):
        await turn(dies=True)
    assert counts(await turn())[:3] == (25, 20, 20)
    assert (await turn())["status"] == "finished"
    assert await total(session, Item) == 25
    assert await total(session, ImportChunk) == 0


async def test_a_turn_with_nothing_to_do_leaves_no_trace(session):
    await usecases.run_imports(session)
    assert not session.dirty


async def test_a_turn_takes_as_many_chunks_as_its_time_allows(client, session, monkeypatch):
    monkeypatch.setattr(usecases, "CHUNK", {"csv": 1})
    started = (await start_import(client, csv_of([row(n) for n in range(5)]))).json()
    seconds = itertools.count(step=usecases.TURN_SECONDS / 4)
    for status, processed in (("running", 3), ("finished", 5)):
        await usecases.run_imports(session, timer=lambda: next(seconds))
        job = (await client.get(started["links"]["self"], headers=platform())).json()
        assert (job["status"], job["processed"]) == (status, processed)


async def test_a_job_that_cannot_go_on_fails_and_lets_others_pass(client, process, monkeypatch):
    async def broken(*_, **__):
        raise KeyError("unforeseen")

    started = (await start_import(client, csv_of([row(1)]))).json()
    monkeypatch.setattr(usecases.queries, "chunk", broken)
    job = await take_turns(client, process, started, platform())
    assert (job["status"], job["failure"]) == ("failed", "KeyError")
    monkeypatch.undo()
    assert (await finish_import(client, process, csv_of([row(1)])))["created"] == 1


async def test_a_row_that_cannot_be_stored_stays_out_alone(client, process, monkeypatch):
    whole = usecases.list_items

    async def broken(session, actor_id, rows, **options):
        outcomes = await whole(session, actor_id, rows, **options)
        if any(row.name == "事项2" for row in rows):
            raise KeyError("unforeseen")
        return outcomes

    monkeypatch.setattr(usecases, "list_items", broken)
    rows = [row(1), row(2, item_name="事项2"), row(3), row(4, task_type="x")]
    job = await finish_import(client, process, csv_of(rows))
    assert counts(job) == (4, 4, 2, 0, 0, 2)
    errors = (await client.get(job["links"]["errors"], headers=platform())).json()["data"]
    assert [(error["line"], error["column"]) for error in errors] == [(3, None), (5, "task_type")]


async def test_a_stretch_of_letters_no_index_holds_is_listed_all_the_same(client, process):
    job = await finish_import(client, process, csv_of([row(1, item_name="Ⅷ" * 1000)]))
    assert counts(job) == (1, 1, 1, 0, 0, 0)
    items = (await client.get("/api/v1/items", params={"q": "viii" * 20})).json()["data"]
    assert len(items) == 1


async def test_whole_guides_are_published_once(client, process, session):
    content = jsonl_of([guide(1), guide(2)])
    job = await finish_import(client, process, content, name="guides.jsonl")
    assert counts(job) == (2, 2, 2, 0, 0, 0)
    again = await finish_import(client, process, content, name="guides.jsonl")
    assert counts(again) == (2, 2, 0, 0, 2, 0)
    changed = await finish_import(
        client, process, jsonl_of([guide(1, visits=0, quantity_limit="100")]), name="g.jsonl"
    )
    assert counts(changed) == (1, 1, 0, 1, 0, 0)
    versions = (await session.scalars(select(ItemVersion).order_by(ItemVersion.version))).all()
    assert [version.version for version in versions] == [1, 1, 2]
    assert {version.source for version in versions} == {"import"}
    assert versions[0].approved_by is not None


async def test_a_listed_item_opens_when_its_guide_comes(client, process):
    await finish_import(client, process, csv_of([row(1)]))
    item = (await client.get("/api/v1/items")).json()["data"][0]
    job = await finish_import(client, process, jsonl_of([guide(1)]), name="g.jsonl")
    assert counts(job) == (1, 1, 0, 1, 0, 0)
    shown = (await client.get(item["links"]["self"])).json()
    assert (shown["status"], shown["version"]) == ("open", 1)


async def test_a_guide_with_gaps_is_reported_with_each_of_them(client, process):
    content = jsonl_of([guide(1, conditions=[], steps=[]), guide(2)])
    job = await finish_import(client, process, content, name="g.jsonl")
    assert counts(job) == (2, 2, 1, 0, 0, 1)
    (error,) = await errors_of(client, job)
    assert error["line"] == 1
    assert "/conditions" in error["reason_en"]
    assert "/steps" in error["reason_en"]


async def test_a_dry_run_of_guides_writes_nothing(client, process, session):
    content = jsonl_of([guide(1), guide(2, steps=[])])
    job = await finish_import(client, process, content, name="g.jsonl", dry_run="true")
    assert counts(job) == (2, 2, 1, 0, 0, 1)
    assert await total(session, Item) == 0


async def test_an_approved_draft_follows_an_imported_guide(client, process):
    item_id = await make_open_item(client, guide(1))
    await finish_import(client, process, jsonl_of([guide(1, quantity_limit="50")]), name="g.jsonl")
    draft = await client.get(f"/api/v1/catalog/items/{item_id}/draft", headers=platform())
    assert draft.json()["guide"]["quantity_limit"] == "50"


async def test_a_cancelled_item_refuses_a_guide(client, process):
    item_id = await make_open_item(client, guide(1))
    path = f"/api/v1/catalog/items/{item_id}/cancellation"
    await client.post(path, json={"reason": "并入他项"}, headers=platform())
    job = await finish_import(client, process, jsonl_of([guide(1)]), name="g.jsonl")
    assert counts(job) == (1, 1, 0, 0, 0, 1)


async def test_guides_are_imported_by_the_platform_only(client):
    answer = await start_import(client, jsonl_of([guide(1)]), name="g.jsonl", actor=department())
    assert (answer.status_code, answer.json()["type"]) == (
        403,
        "urn:onenet:problem:guides-by-platform-only",
    )


@pytest.mark.parametrize(
    ("content", "name", "status", "slug"),
    [
        ("x", "list.pdf", 415, "unknown-import-format"),
        ("", "list.csv", 422, "unreadable-file"),
        ("a,b\n1,2", "list.csv", 422, "unreadable-file"),
        ("no workbook", "list.xlsx", 422, "unreadable-file"),
    ],
)
async def test_bad_files_are_refused_by_name(client, content, name, status, slug):
    answer = await start_import(client, content, name=name)
    assert (answer.status_code, answer.json()["type"]) == (status, f"urn:onenet:problem:{slug}")


async def test_a_missing_file_is_named(client):
    answer = await client.post("/api/v1/catalog/imports", headers=platform())
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "/file"


async def test_only_administrators_import(client):
    content = csv_of([row(1)])
    assert (await start_import(client, content, actor=clerk())).status_code == 403
    answer = await client.post("/api/v1/catalog/imports", files={"file": ("a.csv", b"")})
    assert answer.status_code == 401


async def test_a_repeated_key_starts_one_import(client):
    headers = platform(id="01990000-0000-7000-8000-000000000002") | {"Idempotency-Key": "k1"}
    first = await start_import(client, csv_of([row(1)]), actor=headers)
    again = await start_import(client, csv_of([row(1)]), actor=headers)
    assert first.json() == again.json()


async def test_an_export_is_read_back_unchanged(client, process):
    await finish_import(client, process, csv_of([row(1, item_name='含"引号",逗号'), row(2)]))
    await make_open_item(client, guide(3))
    listed = await client.get("/api/v1/catalog/export", headers=clerk())
    assert listed.headers["content-type"].startswith("text/csv")
    assert counts(await finish_import(client, process, listed.content)) == (3, 3, 0, 0, 3, 0)
    guides = await client.get("/api/v1/catalog/export?format=jsonl", headers=clerk())
    assert [json.loads(line)["name"] for line in guides.text.splitlines()] == ["最低生活保障"]
    again = await finish_import(client, process, guides.content, name="g.jsonl")
    assert counts(again) == (1, 1, 0, 0, 1, 0)


async def test_export_is_for_staff(client):
    assert (await client.get("/api/v1/catalog/export")).status_code == 401


@pytest.mark.skipif(not REAL_LIST.exists(), reason="the real list is not beside the repository")
async def test_the_real_list_loses_no_row(client, process, session):
    first = await finish_import(client, process, REAL_BYTES)
    assert counts(first) == (665, 665, 665, 0, 0, 0)
    second = await finish_import(client, process, REAL_BYTES)
    assert counts(second) == (665, 665, 0, 0, 665, 0)
    counted = (await client.get("/api/v1/items?count=true&region=511602")).json()
    assert (counted["count"], counted["count_is_exact"]) == (665, True)
