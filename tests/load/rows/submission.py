"""Rows 4 and 5: handing in an application, against the very rows it writes and against pgbench.

Row 4 asks the case service alone, without its worker, which is a process of its own in production;
the baseline writes copies of what real submissions wrote a moment before, to the same server. Row 5
asks the gateway of a whole platform. Applications go to every item that a citizen can apply for.
"""

import asyncio
import contextlib
import json
import random
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import asyncpg

from chassis import clock
from chassis.testing.plugin import token_for
from chassis.testing.servers import _wheel, create_database
from onenet.console import Reporter
from onenet.story.cast import Cast
from onenet.story.run import platform_of_its_own
from onenet.targets import samples_of

from ..bench import Bench
from ..case_service import case_service, durable_postgres, published_keys
from ..frame import Outcome, Row, ratio_outcome

CLIENTS = 16
SAMPLES = 40
PDF = b"%PDF-1.4\n1 0 obj<<>>endobj\ntrailer<<>>\n%%EOF\n"
TABLES = ("case_file", "case_material", "case_entry", "case_task", "case_clock")
OWN_IDS = ("case_material_id", "entry_id", "task_id", "clock_id", "claim_id")
COUNT = """
INSERT INTO case_counter (prefix, received_on, last) VALUES ($1, $2, 1)
ON CONFLICT (prefix, received_on) DO UPDATE SET last = case_counter.last + 1 RETURNING last"""
FOLLOW = """
INSERT INTO outbox_sequence (entity, last) VALUES ($1, 1)
ON CONFLICT (entity) DO UPDATE SET last = outbox_sequence.last + 1 RETURNING last"""
INSERTS = """
CREATE TABLE one (id uuid PRIMARY KEY, body text);
CREATE TABLE two (id uuid PRIMARY KEY, one uuid, body text);
CREATE TABLE three (id uuid PRIMARY KEY, body text, at timestamptz);
"""
# Each application is another client's, with a key of its own.
HAND_IN = """
local applications = {{ {applications} }}
local turn = 0
math.randomseed({seed})
request = function()
  turn = turn % #applications + 1
  local who, body = applications[turn][1], applications[turn][2]
  local key = string.format("%08x-%08x-%08x", math.random(0, 2^31), math.random(0, 2^31), os.time())
  local headers = {{["Content-Type"] = "application/json", ["Authorization"] = who,
    ["Idempotency-Key"] = key}}
  return wrk.format("POST", nil, headers, body)
end
"""
THREE_INSERTS = """
\\set n random(1, 1000000000)
BEGIN;
INSERT INTO one VALUES (gen_random_uuid(), repeat('x', 300));
INSERT INTO two VALUES (gen_random_uuid(), gen_random_uuid(), repeat('x', 100));
INSERT INTO three VALUES (gen_random_uuid(), repeat('x', 500), now());
COMMIT;
"""


@dataclass
class Client:
    """A citizen on one kept connection."""

    headers: dict[str, str]
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    bodies: list[bytes] = field(default_factory=list)

    @classmethod
    async def at(cls, base_url: str, token: dict[str, str]) -> "Client":
        place = urlsplit(base_url)
        return cls(token, *await asyncio.open_connection(place.hostname, place.port))

    async def post(
        self, path: str, body: bytes, kind: str = "application/json"
    ) -> tuple[int, bytes]:
        headers = {
            **self.headers,
            "Host": "bench",
            "Content-Type": kind,
            "Content-Length": str(len(body)),
            "Idempotency-Key": str(clock.new_id()),
        }
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        self.writer.write(f"POST {path} HTTP/1.1\r\n{lines}\r\n".encode() + body)
        head = await self.reader.readuntil(b"\r\n\r\n")
        found = re.search(rb"content-length: *(\d+)", head, re.IGNORECASE)
        assert found is not None
        return int(head[9:12]), await self.reader.readexactly(int(found[1]))

    async def upload(self) -> str:
        head = (
            '--part\r\nContent-Disposition: form-data; name="file"; filename="a.pdf"\r\n'
            "Content-Type: application/pdf\r\n\r\n"
        )
        body = head.encode() + PDF + b"\r\n--part--\r\n"
        status, answer = await self.post(
            "/api/v1/files", body, "multipart/form-data; boundary=part"
        )
        assert status == 201, answer
        return str(json.loads(answer)["file_id"])


async def submissions(clients: Sequence[Client], seconds: float) -> float:
    """Submissions a second; any answer but 201 ends the measurement."""
    end, done = time.perf_counter() + seconds, 0

    async def hand_in(client: Client) -> None:
        nonlocal done
        while time.perf_counter() < end:
            status, answer = await client.post("/api/v1/cases", random.choice(client.bodies))
            if status != 201:
                raise RuntimeError(f"a submission was answered {status}: {answer[:300]!r}")
            done += 1

    began = time.perf_counter()
    await asyncio.gather(*(hand_in(one) for one in clients))
    return done / (time.perf_counter() - began)


async def prepare(clients: Sequence[Client], items: Sequence[dict[str, Any]]) -> int:
    """Give each client a body for every item it can apply for; the number of such items."""
    files = [await one.upload() for one in clients]
    fit = 0
    for item in items:
        status, answer = await clients[0].post("/api/v1/cases", _body(item, [], ""))
        wanted = []
        if status == 422:
            told = str([one["message"] for one in json.loads(answer)["errors"]])
            names = [one["material_id"] for one in item["guide"]["materials"]]
            wanted = [name for name in names if f"（{name}）" in told]
            body = _body(item, wanted, files[0])
            status, answer = await clients[0].post("/api/v1/cases", body)
        if status != 201:
            continue
        fit += 1
        for client, file in zip(clients, files, strict=True):
            client.bodies.append(_body(item, wanted, file))
    return fit


def _body(item: dict[str, Any], materials: list[str], file: str) -> bytes:
    fields = item["guide"]["form"]["properties"].items()
    form = {name: one["examples"][0] for name, one in fields if one.get("examples")}
    given = [{"material_id": one, "file_id": file} for one in materials]
    content = {"item_id": item["item_id"], "form": form, "materials": given}
    return json.dumps(content, ensure_ascii=False).encode()


# Row 4: the service alone.


@dataclass(frozen=True)
class Written:
    """What one real submission wrote."""

    rows: dict[str, list[dict[str, Any]]]
    event: dict[str, Any]
    answer: dict[str, Any]
    counter: tuple[str, Any]

    @classmethod
    async def by(cls, connection: Any, case_id: UUID) -> "Written":
        rows = {}
        for table in TABLES:
            found = await connection.fetch(f"SELECT * FROM {table} WHERE case_id = $1", case_id)
            rows[table] = [dict(one) for one in found]
        event = await connection.fetchrow(
            "SELECT event_id, type, subject, entity, sequence, envelope FROM outbox_event"
            " WHERE entity = $1",
            f"case:{case_id}",
        )
        answer = await connection.fetchrow(
            "SELECT scope, key, fingerprint, status, answer FROM idempotency_record"
            " WHERE scope = $1 AND status = 201 ORDER BY created_at DESC LIMIT 1",
            str(rows["case_file"][0]["person_id"]),
        )
        number = rows["case_file"][0]["case_no"]
        counter = await connection.fetchrow(
            "SELECT prefix, received_on FROM case_counter WHERE starts_with($1, prefix)"
            " ORDER BY length(prefix) DESC",
            number,
        )
        return cls(rows, dict(event), dict(answer), (counter[0], counter[1]))

    async def again(self, connection: Any) -> None:
        """The same rows for another case, one statement each, in one transaction."""
        case_id = clock.new_id()
        async with connection.transaction():
            last = await connection.fetchval(COUNT, *self.counter)
            for table, rows in self.rows.items():
                for row in rows:
                    fresh = {name: clock.new_id() for name in OWN_IDS if row.get(name)}
                    copy = row | fresh | {"case_id": case_id}
                    if table == "case_file":
                        beginning, day = self.counter
                        copy["case_no"] = f"{beginning}{day:%Y%m%d}{last:04d}"
                    await _insert(connection, table, copy)
            entity = f"case:{case_id}"
            sequence = await connection.fetchval(FOLLOW, entity)
            own = {"event_id": clock.new_id(), "entity": entity, "sequence": sequence}
            await _insert(connection, "outbox_event", self.event | own)
            await _insert(connection, "idempotency_record", self.answer | {"key": str(case_id)})


async def _insert(connection: Any, table: str, row: dict[str, Any]) -> None:
    places = ", ".join(f"${number + 1}" for number in range(len(row)))
    await connection.execute(
        f"INSERT INTO {table} ({', '.join(row)}) VALUES ({places})", *row.values()
    )


async def in_the_service(bench: Bench) -> Sequence[Outcome]:
    with durable_postgres() as server:
        url = await create_database(server.get_uri(), "bench_case")
        async with contextlib.AsyncExitStack() as stack:
            keys = await stack.enter_async_context(published_keys())
            base_url, items = await stack.enter_async_context(
                case_service(bench, url, keys, pool_size=CLIENTS)
            )
            ends = int(time.time()) + 3600
            clients = [
                await Client.at(base_url, token_for("citizen", level="L3", exp=ends))
                for _ in range(CLIENTS)
            ]
            fit = await prepare(clients, items)
            connections = [await asyncpg.connect(url) for _ in range(CLIENTS)]
            for one in connections:
                stack.push_async_callback(one.close)
            real = []
            for number in range(SAMPLES):
                body = clients[0].bodies[number % fit]
                _, answer = await clients[0].post("/api/v1/cases", body)
                case_id = UUID(json.loads(answer)["case_id"])
                real.append(await Written.by(connections[0], case_id))
            rounds = await bench.alternate(
                lambda: submissions(clients, bench.seconds),
                lambda: _bare(connections, real, bench.seconds),
            )
    rows = sum(len(rows) for one in real for rows in one.rows.values()) / len(real) + 4
    notes = f"{fit} items, {rows:.1f} rows each, {CLIENTS} clients"
    return [ratio_outcome("submission ÷ its rows, bare", "per second", rounds, "≥ 0.5", notes)]


async def _bare(connections: Sequence[Any], real: Sequence[Written], seconds: float) -> float:
    end, done = time.perf_counter() + seconds, 0

    async def write(connection: Any) -> None:
        nonlocal done
        while time.perf_counter() < end:
            await random.choice(real).again(connection)
            done += 1

    began = time.perf_counter()
    await asyncio.gather(*(write(one) for one in connections))
    return done / (time.perf_counter() - began)


# Row 5: the whole platform.


async def through_the_gateway(bench: Bench) -> Sequence[Outcome]:
    with durable_postgres() as server, platform_of_its_own(Reporter()) as (base_url, samples):
        tokens, items = await asyncio.to_thread(_citizens_and_items, base_url, samples)
        clients = [await Client.at(base_url, one) for one in tokens]
        fit = await prepare(clients, items)
        server.psql(INSERTS)
        script = bench.folder / "three-inserts.sql"
        script.write_text(THREE_INSERTS)

        async def pgbench() -> float:
            tool = _wheel().__file__.replace("__init__.py", "pginstall/bin/pgbench")
            child = await asyncio.create_subprocess_exec(
                *(tool, "-n", f"-c{CLIENTS}", "-j1", f"-T{bench.seconds:.0f}", "-f", str(script)),
                *("-M", "prepared", "-d", server.get_uri()),
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
            )
            said = (await child.communicate())[0].decode()
            found = re.search(r"tps = ([0-9.]+)", said)
            if found is None:
                raise RuntimeError(said[-500:])
            return float(found[1])

        async def hand_in() -> float:
            found = await bench.load(f"{base_url}/api/v1/cases", script=_script(clients))
            if found.errors:
                raise RuntimeError(f"{found.errors} submissions were refused")
            return found.requests_per_second

        rounds = await bench.alternate(hand_in, pgbench)
    notes = f"{fit} items, {CLIENTS} clients, every service and its worker on the same cores"
    return [ratio_outcome("submission ÷ pgbench", "per second", rounds, "≥ 0.08", notes)]


def _script(clients: Sequence[Client]) -> str:
    """Every client's bodies in an order of chance, for wrk."""
    given = [
        (one.headers["Authorization"], body.decode()) for one in clients for body in one.bodies
    ]
    random.shuffle(given)
    applications = ",".join(f"{{{_lua(who)}, {_lua(body)}}}" for who, body in given)
    return HAND_IN.format(applications=applications, seed=random.randrange(2**31))


def _lua(text: str) -> str:
    return f"[==[{text}]==]"


def _citizens_and_items(
    base_url: str, samples: Path
) -> tuple[list[dict[str, str]], list[dict[str, Any]]]:
    cast = Cast.at(base_url, samples_of(samples))
    tokens = []
    for _ in range(CLIENTS):
        citizen = cast.new_citizen()
        cast.public.post("/api/v1/identity/registrations", citizen.registration)
        answer = citizen.network.http.get("/api/v1/me/cases")
        tokens.append({"Authorization": answer.request.headers["Authorization"]})
    items = []
    for one in cast.public.get("/api/v1/items", params={"online": "true", "limit": 100})["data"]:
        guide = cast.public.get(f"/api/v1/items/{one['item_id']}")
        form = cast.public.get(f"/api/v1/items/{one['item_id']}/form")
        guide["form"] = form["schema"]
        items.append({"item_id": one["item_id"], "guide": guide})
    return tokens, items


ROWS = (
    Row(4, "submission in the service ÷ the same rows by bare asyncpg", in_the_service, seconds=60),
    Row(
        5,
        "submission through the gateway ÷ pgbench, three inserts",
        through_the_gateway,
        needs=("wrk",),
        seconds=120,
    ),
)
