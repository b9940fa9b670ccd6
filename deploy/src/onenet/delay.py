"""`onenet delay`: from the row of an event to the commit of its effect in another service.

The beginning is `outbox_event.recorded_at`, the moment just before the producer commits; the end
is the commit timestamp of the transaction that wrote the consumer's `inbox_event` row together
with the effect (where the server keeps commit timestamps, as the embedded one does).
"""

import asyncio
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final
from uuid import UUID

import asyncpg
import httpx
from rich.table import Table

from chassis.clock import now
from onenet.client import Network, SignedIn, promised
from onenet.console import Bar, Reporter
from onenet.databases import Database, database_of
from onenet.failures import NotAnswering, Unexpected
from onenet.quiescence import ensure_quiescent
from onenet.secret_keys import Secrets, open_secrets
from onenet.services import SERVICES
from onenet.state import Home, known_home, read_json
from onenet.targets import DEFAULT_BASE_URL, importer, samples_of

LANES: Final = 8
SETTLE_SECONDS: Final = 60
STAFF: Final = "/api/v1/orgs/staff"


@dataclass(frozen=True)
class Pace:
    """How many events, and how many per second."""

    count: int
    rate: int


@dataclass(frozen=True)
class Flow:
    """Events of one type received by one service; delays in milliseconds."""

    type: str
    consumer: str
    delays: Sequence[float]

    def percentile(self, share: float) -> float:
        ordered = sorted(self.delays)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def measure(reporter: Reporter, *, state: Path, count: int, rate: int) -> None:
    """Publish `count` events, wait for the effect of each, print the delays."""
    home = known_home(state)
    running = read_json(home.running)
    if not running or "base_url" not in running:
        raise NotAnswering(DEFAULT_BASE_URL)
    secrets = open_secrets(home, SERVICES)
    databases = {
        name: database_of(name, running["database_url"], secrets.roles) for name in SERVICES
    }
    began = now()
    started = time.monotonic()
    with reporter.bar("Events", count) as bar:
        asyncio.run(
            publish_changes(
                home, state, secrets, running["addresses"]["identity"], Pace(count, rate), bar
            )
        )
    seconds = time.monotonic() - started
    urls = [database.app_url for database in databases.values()]
    asyncio.run(ensure_quiescent(urls, running["nats_url"], seconds=SETTLE_SECONDS))
    flows = asyncio.run(measured_flows(databases, began))
    if not flows:
        raise Unexpected("No event had an effect in another service.")
    reporter.console.print(
        delay_table(flows, f"{count} changes in {seconds:.1f} s ({count / seconds:.0f}/s)")
    )


async def publish_changes(
    home: Home, state: Path, secrets: Secrets, identity: str, pace: Pace, bar: Bar
) -> None:
    """Change the post of a few probe accounts, in parallel lanes, at the requested rate."""
    admin = importer(state, None, None, None)
    probes = [probe_account(admin, home, secrets, lane) for lane in range(LANES)]
    auth = admin.http.auth
    assert isinstance(auth, SignedIn)
    # Directly, because the gateway limits requests per client.
    async with httpx.AsyncClient(base_url=identity, auth=auth, timeout=30) as http:
        start = asyncio.get_running_loop().time()
        await asyncio.gather(
            *(
                publish_lane(http, probe, range(lane, pace.count, LANES), start, pace, bar)
                for lane, probe in enumerate(probes)
            )
        )
    for probe in probes:
        answer = promised(admin.send("GET", f"{STAFF}/{probe}"), httpx.codes.OK)
        headers = {"If-Match": answer.headers["etag"]}
        closed = {"active": False}
        answer = admin.send("PATCH", f"{STAFF}/{probe}", json=closed, headers=headers)
        promised(answer, httpx.codes.OK)


async def publish_lane(
    http: httpx.AsyncClient, probe: str, turns: range, start: float, pace: Pace, bar: Bar
) -> None:
    answer = await http.get(f"{STAFF}/{probe}")
    tag = answer.headers["etag"]
    for turn in turns:
        await asyncio.sleep(max(0.0, start + turn / pace.rate - asyncio.get_running_loop().time()))
        body = {"post": f"时延测量 {turn}", "active": True}
        headers = {"If-Match": tag}
        answer = await http.patch(f"{STAFF}/{probe}", json=body, headers=headers)
        tag = promised(answer, httpx.codes.OK).headers["etag"]
        bar.advance()


def probe_account(admin: Network, home: Home, secrets: Secrets, lane: int) -> str:
    """The id of a probe account, created the first time; it is closed between measurements."""
    username = f"delay-probe-{lane}"
    department = samples_of(home.samples)["staff"][0]
    query = {"department": department["department_code"], "limit": "100"}
    for member in admin.get(STAFF, params=query)["data"]:
        if member["username"] == username:
            return str(member["staff_id"])
    created = admin.post(
        STAFF,
        {
            "username": username,
            "name": "时延测量",
            "password": secrets.sample_password(username),
            "department_code": department["department_code"],
            "region_code": department["region"],
            "roles": ["clerk"],
        },
    )
    return str(created["staff_id"])


async def measured_flows(databases: dict[str, Database], since: datetime) -> list[Flow]:
    """Events recorded since then, joined with their effects in the other databases."""
    recorded: dict[UUID, tuple[str, datetime]] = {}
    effects: dict[str, list[tuple[UUID, datetime]]] = {}
    for name, database in databases.items():
        connection = await asyncpg.connect(database.app_url)
        try:
            rows = await connection.fetch(
                "SELECT event_id, type, recorded_at FROM outbox_event WHERE recorded_at >= $1",
                since,
            )
            recorded |= {row["event_id"]: (row["type"], row["recorded_at"]) for row in rows}
            effects[name] = await effects_since(connection, since)
        finally:
            await connection.close()
    delays: dict[tuple[str, str], list[float]] = {}
    for consumer, rows in effects.items():
        for event_id, at in rows:
            if event_id in recorded:
                kind, begun = recorded[event_id]
                took = (at - begun).total_seconds() * 1000
                delays.setdefault((kind, consumer), []).append(took)
    return [Flow(kind, consumer, found) for (kind, consumer), found in sorted(delays.items())]


async def effects_since(
    connection: "asyncpg.Connection", since: datetime
) -> list[tuple[UUID, datetime]]:
    tracked = await connection.fetchval("SHOW track_commit_timestamp") == "on"
    committed = (
        "SELECT event_id, pg_xact_commit_timestamp(xmin) AS at FROM inbox_event"
        " WHERE received_at >= $1"
    )
    received = "SELECT event_id, received_at AS at FROM inbox_event WHERE received_at >= $1"
    rows = await connection.fetch(committed if tracked else received, since)
    return [(row["event_id"], row["at"]) for row in rows]


def delay_table(flows: Sequence[Flow], title: str) -> Table:
    table = Table(title=f"Event delay, recorded to committed effect; {title}", title_justify="left")
    for name in ("event", "effect in", "events", "median ms", "p99 ms", "longest ms"):
        table.add_column(name, justify="left" if name in ("event", "effect in") else "right")
    for flow in flows:
        table.add_row(
            flow.type,
            flow.consumer,
            str(len(flow.delays)),
            f"{statistics.median(flow.delays):.1f}",
            f"{flow.percentile(0.99):.1f}",
            f"{max(flow.delays):.1f}",
        )
    return table
