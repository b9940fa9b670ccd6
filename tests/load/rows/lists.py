"""Rows 7 and 8: what officers, the super-user and an applicant wait for a page of their lists.

The case service answers alone, without its worker; the rows are written by two statements, because
handing in 200,000 applications takes a quarter of an hour. One person waits for a page at a time.
"""

import contextlib
import statistics
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from uuid import UUID, uuid4

from ..bench import FEW, Bench
from ..frame import Outcome, Row, ratio_outcome
from ..loader import Connections
from ..promises import GROWTH, OFFICER_DEPARTMENT, OFFICER_POOL
from ..servers import connected, postgres_server
from ..services import service
from ..tokens import Signer, published_signer

REGION = "511600000000"
ITEM_TYPES = 100
DEPARTMENTS = 12
DEPARTMENT = "11511600000000003X"
LINES = 20
CASES_OF_A_PERSON = 40
# Every third case is still under way; its task waits in the pool or is in somebody's hand. Each
# department is responsible for a hundred item types, in the six divisions of one city.
FILL_CASES = f"""
INSERT INTO case_file (case_id, case_no, item_id, item_version, item_code, item_name, task_type,
  project_type, department_code, department_name, region_code, region_name, person_id,
  applicant_type, status, created_at, submitted_at, received_at, version)
SELECT uuidv7(make_interval(secs => n - $1)), 'C' || n, md5('item' || kind)::uuid, 1, 'I' || kind,
  '事项' || kind, '01', 'promise', CASE WHEN bureau = 0 THEN '{DEPARTMENT}' ELSE 'D' || bureau END,
  '部门' || bureau, '5116' || lpad((n % 6)::text, 2, '0') || '000000', '区划',
  md5('p' || n % ($1 / {CASES_OF_A_PERSON}))::uuid,
  'natural_person', CASE WHEN n % 3 = 0 THEN 'submitted' ELSE 'delivered' END, at, at, at, 1
FROM (SELECT n, n % ({ITEM_TYPES * DEPARTMENTS}) AS kind, n % ({ITEM_TYPES * DEPARTMENTS})
  / {ITEM_TYPES} AS bureau, now() - make_interval(mins => ($1 - n)::int) AS at
  FROM generate_series(1, $1::int) AS n) AS numbered"""
FILL_TASKS = """
INSERT INTO case_task (task_id, case_id, step, stage, name, checks, limit_value, limit_unit,
  department_code, region_code, status, holder_id, opened_at, due_on, due_at, done_at, done_by)
SELECT gen_random_uuid(), case_id, 'acceptance', 'acceptance', '受理', '[]', 5, 'working_day',
  department_code, region_code, task, CASE WHEN task = 'held' THEN $1::uuid END, submitted_at,
  due, due::timestamptz + interval '1 day', CASE WHEN task = 'done' THEN submitted_at END,
  CASE WHEN task = 'done' THEN $1::uuid END
FROM (SELECT *, submitted_at::date + 7 AS due, CASE WHEN status = 'delivered' THEN 'done'
  WHEN hashtext(case_no) % 4 = 0 THEN 'held' ELSE 'open' END AS task FROM case_file) AS planned"""


# md5('p0'), to whom every so many cases belong.
PERSON = UUID("42937d0648362caae00c54316adbf083")


@dataclass(frozen=True)
class Desk:
    """Who reads which list."""

    name: str
    path: str
    headers: dict[str, str]


def desks(signer: Signer) -> dict[str, Desk]:
    """By the keys of `GROWTH`."""
    place = {"department": DEPARTMENT, "region": REGION}
    clerk = signer.headers("staff", roles=["clerk"], **place)
    head = signer.headers("staff", roles=["department_admin"], **place)
    above = signer.headers("staff", roles=["platform_admin"], **place)
    citizen = signer.headers("citizen", sub=str(PERSON))
    department = f"/api/v1/tasks?scope=department&limit={LINES}"
    return {
        "pool": Desk("a clerk's pool", f"/api/v1/tasks?scope=pool&limit={LINES}", clerk),
        "department": Desk("a department's queue", department, head),
        "everything": Desk("the super-user's queue", department, above),
        "own": Desk("an applicant's list", f"/api/v1/me/cases?limit={LINES}", citizen),
    }


@contextlib.asynccontextmanager
async def filled_service(bench: Bench, signer: Signer, cases: int) -> AsyncIterator[str]:
    """The address of a case service with so many cases."""
    async with postgres_server() as postgres:
        url = await postgres.database("bench_lists")
        async with service(bench, "case", url, signer) as base_url:
            began = time.perf_counter()
            async with connected(url) as connection:
                await connection.execute(FILL_CASES, cases)
                await connection.execute(FILL_TASKS, uuid4())
                await connection.execute("VACUUM ANALYZE case_file, case_task")
            bench.say(f"{cases:,} cases in {time.perf_counter() - began:.0f} s")
            yield base_url


async def median_wait(base_url: str, desk: Desk, seconds: float) -> float:
    """The median wait, in milliseconds, of one person who asks again and again."""
    connections, waits = Connections(base_url), []
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        began = time.perf_counter()
        answer = await connections.send("GET", desk.path, headers=desk.headers)
        waits.append((time.perf_counter() - began) * 1000)
        if answer.status != 200 or len(answer.json()["data"]) != LINES:
            raise RuntimeError(f"{desk.name} was answered {answer.status}, or not with a full page")
    connections.close()
    return statistics.median(waits)


async def lists(bench: Bench) -> Sequence[Outcome]:
    seconds = bench.seconds / 2
    async with (
        published_signer() as signer,
        filled_service(bench, signer, FEW) as few,
        filled_service(bench, signer, bench.many) as many,
    ):
        people = desks(signer)
        for desk in people.values():  # warm
            await median_wait(few, desk, 0.3)
            await median_wait(many, desk, 0.3)

        async def compare(first: tuple[str, Desk], second: tuple[str, Desk]):
            return await bench.alternate(
                lambda: median_wait(*first, seconds), lambda: median_wait(*second, seconds)
            )

        outcomes = []
        for promise, key in ((OFFICER_POOL, "pool"), (OFFICER_DEPARTMENT, "department")):
            rounds = await compare((many, people[key]), (many, people["everything"]))
            outcomes.append(ratio_outcome(promise, "ms", rounds, rows=bench.many))
        for key, promise in GROWTH.items():
            rounds = await compare((many, people[key]), (few, people[key]))
            outcomes.append(ratio_outcome(promise, "ms", rounds, rows=bench.many))
    return outcomes


ROWS = (
    Row(
        "queues and lists, by rank and by number of cases",
        [OFFICER_POOL, OFFICER_DEPARTMENT, *GROWTH.values()],
        lists,
        seconds=150,
    ),
)
