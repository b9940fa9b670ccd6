"""The short way of a submission gives what the ordinary way would have given (decision 0017)."""

import asyncio
import json
from dataclasses import replace

import asyncpg
import pytest
import pytest_asyncio
from sqlalchemy import func, select

from case_svc.cases.models import Case, CaseCounter
from case_svc.cases.usecases import filing
from chassis import clock, db

from .test_submission import person_with_item, slug, submit

STRAIGHT = "application/json"
# FastAPI reads it just the same; the short way leaves it alone.
ORDINARY = "application/json; charset=utf-8"


async def raw(world, person, content, kind, key):
    headers = person.headers | {"Idempotency-Key": key, "Content-Type": kind}
    return await world.client.post("/api/v1/cases", content=content, headers=headers)


def shape(answer):
    """All of an answer that two submissions of the same body have in common."""
    found = answer.json()
    if answer.status_code != 201:
        found.pop("request_id", None)
        return answer.status_code, found
    kept = {name: found[name] for name in ("status", "actions")}
    return answer.status_code, kept, list(found), sorted(answer.headers), sorted(found["links"])


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"submit": False},
        {"submit": "false"},
        {"submit": 0},
        {"submit": "no way"},
        {"submit": None},
        {"on_behalf_of": ""},
        {"item_id": 7},
        {"item_id": "00000000-0000-7000-8000-000000000000"},
        {"materials": {}},
        {"materials": [{"material_id": 1, "promise": True}]},
        {"materials": [{"material_id": "m", "promise": 1}]},
        {"materials": [{"material_id": "m"}]},
        {"form": None},
        {"form": []},
        {"form": {}},
        {"answers": {"a": 1e400}},
        {"unknown": 1},
    ],
    ids=lambda changes: json.dumps(changes)[:40],
)
async def test_both_ways_answer_alike(world, changes):
    person, item = await person_with_item(world)
    body = json.dumps(await world.body(person.id, item) | changes).encode()
    straight = await raw(world, person, body, STRAIGHT, "one")
    ordinary = await raw(world, person, body, ORDINARY, "two")
    assert shape(straight) == shape(ordinary)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b'"a"', b"\xff", b'{"form": {}}'])
async def test_both_ways_refuse_alike(world, content):
    person, _ = await person_with_item(world)
    straight = await raw(world, person, content, STRAIGHT, "one")
    ordinary = await raw(world, person, content, ORDINARY, "two")
    assert shape(straight) == shape(ordinary)
    assert straight.status_code in {400, 422}


async def test_answer_of_one_way_is_repeated_on_the_other(world):
    person, item = await person_with_item(world)
    body = json.dumps(await world.body(person.id, item)).encode()
    first = await raw(world, person, body, STRAIGHT, "k")
    again = await raw(world, person, body, ORDINARY, "k")
    assert (again.status_code, again.json()) == (201, first.json())


async def connected(world):
    url = world.here.engine.url.set(drivername="postgresql")
    return await asyncpg.connect(url.render_as_string(hide_password=False))


@pytest_asyncio.fixture
async def pooled(prepared, concurrent_here, busy_world):
    """The service on the pool it has in operation."""
    url = concurrent_here.engine.url.render_as_string(hide_password=False)
    engine = db.new_engine(url)
    writing, reading = db.sessions_of(engine)
    prepared.app.state.context = replace(
        concurrent_here, engine=engine, writing=writing, reading=reading
    )
    yield
    await engine.dispose()


@pytest.mark.parametrize("trusted", [10, -1], ids=["heard", "asked"])
async def test_next_submission_after_lost_connections_succeeds(
    busy_world, pooled, monkeypatch, trusted
):
    monkeypatch.setattr(db, "_TRUSTED_SECONDS", trusted)
    person, item = await person_with_item(busy_world)
    body = await busy_world.body(person.id, item)
    await asyncio.gather(*(submit(person, body, f"k{n}") for n in range(4)))
    outside = await connected(busy_world)
    ended = await outside.fetch(
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    await outside.close()
    assert ended
    assert all(one[0] for one in ended)
    answers = [await submit(person, body, f"after{n}") for n in range(4)]
    assert [one.status_code for one in answers] == [201] * 4


async def somebody_waits(outside):
    waiting = 0
    while not waiting:
        await asyncio.sleep(0.05)
        waiting = await outside.fetchval(
            "SELECT count(*) FROM pg_locks"
            " WHERE NOT granted AND relation = 'case_counter'::regclass"
        )


async def test_repeat_that_looked_before_the_first_committed_is_409_then_replays(busy_world):
    person, item = await person_with_item(busy_world)
    body = await busy_world.body(person.id, item)
    outside = await connected(busy_world)
    gate = outside.transaction()
    await gate.start()
    await outside.execute("LOCK TABLE case_counter IN ACCESS EXCLUSIVE MODE")
    # Both have looked for the key and wait for a number; then they write in one statement.
    first = asyncio.create_task(submit(person, body))
    await somebody_waits(outside)
    here = await submit(person, body)
    assert (here.status_code, slug(here)) == (409, "idempotency-key-running")
    busy_world.here.keys_under_way.clear()  # another process knows nothing of the first one's
    second = asyncio.create_task(submit(person, body))
    others = [asyncio.create_task(submit(person, body, f"other{n}")) for n in range(3)]
    await asyncio.sleep(0.2)
    await gate.rollback()
    met, first = sorted([await first, await second], key=lambda one: -one.status_code)
    assert (met.status_code, slug(met)) == (409, "idempotency-key-running")
    again = await submit(person, body)
    assert (again.status_code, again.json()) == (201, first.json())
    assert [(await one).status_code for one in others] == [201] * 3
    async with busy_world.here.reading() as session:
        assert await session.scalar(select(func.count()).select_from(Case)) == 4
    await outside.close()


async def test_numbers_of_a_busy_item_are_counted_several_at_a_time_and_given_once(busy_world):
    person, item = await person_with_item(busy_world)
    body = await busy_world.body(person.id, item)
    numbers = []
    for turn in range(6):
        some = [submit(person, body, f"{turn}-{n}") for n in range(8)]
        answers = await asyncio.gather(*some)
        assert [one.status_code for one in answers] == [201] * 8
        numbers += [one.json()["case_no"] for one in answers]
    assert len(set(numbers)) == 48
    async with busy_world.here.reading() as session:
        assert await session.scalar(select(CaseCounter.last)) >= 48


async def test_number_counted_in_a_transaction_that_fails_is_not_given(busy_world):
    today = clock.today()

    async def count(*, fails):
        async with db.transaction(busy_world.here) as session:
            await db.driver(session)
            numbers = [await filing._next_number(session, "item", today) for _ in range(2)]
            if fails:
                raise LookupError
            return numbers

    with pytest.raises(LookupError):
        await count(fails=True)
    assert await count(fails=False) == [1, 2]


async def test_process_that_forgot_its_numbers_goes_on_after_them(busy_world):
    today = clock.today()
    given = []
    for _ in range(3):
        for _ in range(5):
            async with db.transaction(busy_world.here) as session:
                given.append(await filing._next_number(session, "item", today))
        busy_world.here.counted.clear()
    assert len(set(given)) == 15
    assert given == sorted(given)


def test_quiet_counter_is_asked_for_one_number():
    known = filing._Numbers(clock.today())
    assert [known.want() for _ in range(6)] == [1, 2, 4, 8, 16, 16]
    known.counted_at -= 2
    assert known.want() == 1
