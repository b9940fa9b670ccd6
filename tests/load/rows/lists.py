"""Rows 7 and 8: what an officer and a super-user wait for their queue, in 10,000 and 200,000 cases.

The case service answers alone, without its worker; the rows are written by two statements, because
handing in 200,000 applications takes a quarter of an hour. One person waits for a page at a time.
"""

import contextlib
import statistics
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import asyncpg

from chassis import clock
from chassis.testing.plugin import token_for

from ..bench import Bench
from ..case_service import case_service, published_keys
from ..frame import Outcome, Round, Row, ratio_outcome
from ..loader import Wires
from ..servers import server

SMALL, LARGE = 10_000, 200_000
REGION = "511600000000"
ITEM_TYPES = 100
DEPARTMENTS = 12
DEPARTMENT = "11511600000000003X"
LINES = 20
# Every third case is still under way; its task waits in the pool or is in somebody's hand. Each
# department is responsible for a hundred item types, in the six divisions of one city.
CASES = f"""
INSERT INTO case_file (case_id, case_no, item_id, item_version, item_code, item_name, task_type,
  project_type, department_code, department_name, region_code, region_name, person_id,
  applicant_type, status, created_at, submitted_at, received_at, version)
SELECT uuidv7(make_interval(secs => n - $1)), 'C' || n, md5('item' || kind)::uuid, 1, 'I' || kind,
  '事项' || kind, '01', 'promise', CASE WHEN bureau = 0 THEN '{DEPARTMENT}' ELSE 'D' || bureau END,
  '部门' || bureau, '5116' || lpad((n % 6)::text, 2, '0') || '000000', '区划',
  md5('p' || n % ($1 / 10))::uuid,
  'natural_person', CASE WHEN n % 3 = 0 THEN 'submitted' ELSE 'delivered' END, at, at, at, 1
FROM (SELECT n, n % ({ITEM_TYPES * DEPARTMENTS}) AS kind, n % ({ITEM_TYPES * DEPARTMENTS})
  / {ITEM_TYPES} AS bureau, now() - make_interval(mins => ($1 - n)::int) AS at
  FROM generate_series(1, $1::int) AS n) AS made"""
TASKS = """
INSERT INTO case_task (task_id, case_id, step, stage, name, checks, limit_value, limit_unit,
  department_code, region_code, status, holder_id, opened_at, due_on, due_at, done_at, done_by)
SELECT gen_random_uuid(), case_id, 'acceptance', 'acceptance', '受理', '[]', 5, 'working_day',
  department_code, region_code, task, CASE WHEN task = 'held' THEN $1::uuid END, submitted_at,
  due, due::timestamptz + interval '1 day', CASE WHEN task = 'done' THEN submitted_at END,
  CASE WHEN task = 'done' THEN $1::uuid END
FROM (SELECT *, submitted_at::date + 7 AS due, CASE WHEN status = 'delivered' THEN 'done'
  WHEN hashtext(case_no) % 4 = 0 THEN 'held' ELSE 'open' END AS task FROM case_file) AS one"""


@dataclass(frozen=True)
class Desk:
    """Who reads which list."""

    name: str
    path: str
    headers: dict[str, str]


def desks() -> tuple[list[Desk], Desk]:
    """Officers of the department, and the super-user."""
    place: dict[str, Any] = {"department": DEPARTMENT, "region": REGION}
    ends = int(time.time()) + 3600
    own = f"/api/v1/tasks?scope=department&limit={LINES}"
    pool = f"/api/v1/tasks?scope=pool&limit={LINES}"
    head = token_for("staff", roles=["department_admin"], exp=ends, **place)
    clerk = token_for("staff", roles=["clerk"], exp=ends, **place)
    above = token_for("staff", roles=["platform_admin"], exp=ends, **place)
    officers = [Desk("a department's queue", own, head), Desk("a clerk's pool", pool, clerk)]
    return officers, Desk("the super-user's queue", own, above)


@contextlib.asynccontextmanager
async def filled(bench: Bench, cases: int) -> AsyncIterator[str]:
    """The address of a case service with so many cases."""
    async with contextlib.AsyncExitStack() as stack:
        postgres = await stack.enter_async_context(server())
        keys = await stack.enter_async_context(published_keys())
        url = await postgres.database("bench_lists")
        base_url, _ = await stack.enter_async_context(case_service(bench, url, keys, pool_size=4))
        began = time.perf_counter()
        connection = await asyncpg.connect(url)
        try:
            await connection.execute(CASES, cases)
            await connection.execute(TASKS, clock.new_id())
            await connection.execute("VACUUM ANALYZE case_file, case_task")
        finally:
            await connection.close()
        bench.say(f"{cases:,} cases in {time.perf_counter() - began:.0f} s")
        yield base_url


async def waited(base_url: str, desk: Desk, seconds: float) -> float:
    """The median wait in milliseconds of one who asks again and again."""
    wires, found = Wires(base_url), []
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        began = time.perf_counter()
        answer = await wires.ask("GET", desk.path, headers=desk.headers)
        found.append((time.perf_counter() - began) * 1000)
        if answer.status != 200 or len(answer.json()["data"]) != LINES:
            raise RuntimeError(f"{desk.name} was answered {answer.status}, or not with a full page")
    wires.close()
    return statistics.median(found)


async def queues(bench: Bench) -> Sequence[Outcome]:
    officers, above = desks()
    most = bench.seconds / 2
    async with filled(bench, SMALL) as small, filled(bench, LARGE) as large:
        outcomes = []
        for one in (*officers, above):

            async def at(base_url: str, desk: Desk = one) -> float:
                return await waited(base_url, desk, most)

            rounds = await bench.alternate(lambda at=at: at(large), lambda at=at: at(small))
            title = f"{one.name}, {LARGE:,} ÷ {SMALL:,} cases"
            found = ratio_outcome(title, "ms", rounds, "≤ 1.5")
            outcomes.append(replace(found, number=8))
        for one in officers:
            rounds = [
                Round(await waited(large, one, most), await waited(large, above, most))
                for _ in range(bench.rounds)
            ]
            title = f"{one.name} ÷ the super-user's, {LARGE:,} cases"
            outcomes.insert(0, ratio_outcome(title, "ms", rounds, "≤ 1.3"))
    return outcomes


ROWS = (Row(7, "an officer's and a super-user's queue", queues, seconds=150, also=(8,)),)
