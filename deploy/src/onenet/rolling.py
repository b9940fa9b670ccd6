"""Rolling replacement: every process of the platform is replaced while people work.

A request that is cut off, or answered 5xx or 429 at its first attempt, counts as failed.
"""

import asyncio
import random
import re
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import httpx
from rich.table import Table

from onenet.chaos.checks import before, findings
from onenet.chaos.clients import Acknowledged, Work, citizen, officer, signed_in
from onenet.chaos.plans import plans_at
from onenet.children import Child, Supervisor
from onenet.console import Reporter
from onenet.endpoints import Endpoints, endpoints_of
from onenet.failures import Unexpected
from onenet.launcher import Options, platform_in_process
from onenet.ports import HOST, free_ports
from onenet.quiescence import ensure_quiescent
from onenet.services import Layout, replaceable_child
from onenet.state import forget, known_home
from onenet.targets import samples_of

CITIZENS: Final = 6
OFFICERS: Final = 2
READERS: Final = 3
# Work before the first replacement, between two, and after the last.
PAUSE_SECONDS: Final = 2
READY_SECONDS: Final = 60
SETTLE_SECONDS: Final = 120
READER_PAUSE_SECONDS: Final = 0.05
STARTER_PAUSE_SECONDS: Final = 0.3
_ID: Final = re.compile(r"[0-9a-f-]{36}")
FAILED: Final = frozenset({429, *range(500, 600)})


@dataclass
class Tally:
    """All requests, sign-ins included, and the failures by kind."""

    requests: int = 0
    failures: Counter[str] = field(default_factory=Counter)

    @property
    def failed(self) -> int:
        return self.failures.total()


class Counting(httpx.AsyncHTTPTransport):
    """Reads each answer to its end, so that a truncated answer counts as failed."""

    def __init__(self, tally: Tally) -> None:
        super().__init__()
        self.tally = tally

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.tally.requests += 1
        name = f"{request.method} {_ID.sub('…', request.url.path)}"
        try:
            answer = await super().handle_async_request(request)
            stream = answer.stream
            assert isinstance(stream, httpx.AsyncByteStream)
            body = b"".join([chunk async for chunk in stream])
            await answer.aclose()
        except httpx.TransportError as error:
            self.tally.failures[f"{name}: {type(error).__name__}"] += 1
            raise
        if answer.status_code in FAILED:
            self.tally.failures[f"{name}: {answer.status_code}"] += 1
        return httpx.Response(
            answer.status_code,
            headers=answer.headers,
            stream=httpx.ByteStream(body),
            extensions=answer.extensions,
        )


@dataclass(frozen=True)
class Shift(Work):
    """Work until `over` is set."""

    over: threading.Event = field(default_factory=threading.Event)

    def goes_on(self) -> bool:
        return not self.over.is_set()


@dataclass(frozen=True)
class Replaced:
    name: str
    seconds: float
    requests: int
    failed: int
    in_time: bool


def roll(reporter: Reporter, *, rounds: int) -> None:
    """Raises Unexpected when a request failed, a process had to be killed or something was lost."""
    # Under /var/tmp, where also the server's own system user can reach it.
    with tempfile.TemporaryDirectory(prefix="onenet-rolling-", dir="/var/tmp") as folder:
        Path(folder).chmod(0o711)
        state = Path(folder) / ".onenet"
        options = Options(free_ports(1)[0], state, split=True, replaceable=True)
        try:
            with platform_in_process(options, reporter) as (layout, supervisor):
                _roll(reporter, layout, supervisor, rounds)
        finally:
            forget(state)


def _roll(reporter: Reporter, layout: Layout, supervisor: Supervisor, rounds: int) -> None:
    endpoints = endpoints_of(layout.home.folder)
    earlier = asyncio.run(before(endpoints))
    tally = Tally()
    shift = Shift(
        base_url=layout.base_url,
        plans=plans_at(layout.base_url),
        wanted=0,
        end=time.monotonic() + 24 * 3600,
        acknowledged=Acknowledged(),
        transport=lambda: Counting(tally),
    )
    failures: list[BaseException] = []
    people = threading.Thread(target=_at_work, args=(layout, shift, failures), daemon=True)
    people.start()
    try:
        # In this thread: a child is signalled when the thread that started it ends.
        done = [
            replace_process(layout, supervisor, name, tally, reporter)
            for _ in range(rounds)
            for name in layout.ports
        ]
        time.sleep(PAUSE_SECONDS)
    finally:
        shift.over.set()
        people.join()
    if failures:
        raise failures[0]
    wrong = asyncio.run(findings_after(endpoints, shift.acknowledged, earlier))
    print_replacements(reporter, done, tally, shift.acknowledged)
    killed = [process.name for process in done if not process.in_time]
    if tally.failed or killed or wrong:
        raise Unexpected(
            f"Failed: {dict(tally.failures)}; had to be killed: {killed}; wrong afterwards: {wrong}"
        )


def replace_process(
    layout: Layout, supervisor: Supervisor, name: str, tally: Tally, reporter: Reporter
) -> Replaced:
    time.sleep(PAUSE_SECONDS)
    began, requests, failed = time.monotonic(), tally.requests, tally.failed
    port = free_ports(1)[0]
    old = next(child for child in supervisor.children if child.name == name)
    new = replaceable_child(layout, name, port)
    with httpx.Client(timeout=5) as http:
        in_time = supervisor.replace(old, new, lambda child: is_ready(http, child, port, began))
    done = Replaced(
        name=name,
        seconds=time.monotonic() - began,
        requests=tally.requests - requests,
        failed=tally.failed - failed,
        in_time=in_time,
    )
    reporter.say(f"{name}: {done.requests} requests meanwhile, {done.failed} failed")
    return done


def is_ready(http: httpx.Client, child: Child, port: int, began: float) -> bool:
    """Asked at its own port, because its predecessor may answer at the shared socket."""
    if time.monotonic() > began + READY_SECONDS:
        raise Unexpected(f"{child.name} is not ready after {READY_SECONDS} seconds.")
    try:
        return http.get(f"http://{HOST}:{port}/readyz").is_success
    except httpx.HTTPError:
        return False


def _at_work(layout: Layout, shift: Shift, failures: list[BaseException]) -> None:
    try:
        asyncio.run(work_together(shift, samples_of(known_home(layout.home.folder).samples)))
    except BaseException as error:  # noqa: BLE001 - given to the main thread
        failures.append(error)


async def work_together(shift: Shift, accounts: Mapping[str, Any]) -> None:
    department = shift.plans[0].item["department"]["code"]
    clerks = [
        member
        for member in accounts["staff"]
        if member["department_code"] == department and "clerk" in member["roles"]
    ]
    citizens = accounts["citizens"]
    people: list[Coroutine[Any, Any, None]] = [
        *(citizen(shift, citizens[n % len(citizens)], _chance()) for n in range(CITIZENS)),
        *(officer(shift, clerks[n % len(clerks)], _chance()) for n in range(OFFICERS)),
        *(reader(shift) for _ in range(READERS)),
        starter(shift, citizens[-1]),
    ]
    async with asyncio.TaskGroup() as group:
        for person in people:
            group.create_task(person)


def _chance() -> random.Random:
    return random.Random()  # noqa: S311 - who does what does not matter


async def reader(shift: Shift) -> None:
    """The public: cached answers, uncached ones, and the gateway's own."""
    name = shift.plans[0].item["name"]
    paths = ("/api/v1/items", f"/api/v1/items?q={name}", "/api/v1/orgs/regions", "/livez", "/")
    async with httpx.AsyncClient(base_url=shift.base_url, transport=shift.transport()) as http:
        while shift.goes_on():
            for path in paths:
                try:
                    await http.get(path)
                except httpx.TransportError:
                    continue  # counted already
                await asyncio.sleep(READER_PAUSE_SECONDS)


async def starter(shift: Shift, account: Mapping[str, str]) -> None:
    """Sign in again and again: requests that nothing on the way may repeat."""
    while shift.goes_on():
        async with signed_in(shift, account) as http:
            try:
                await http.get("/api/v1/me/cases")
            except Exception as error:  # noqa: BLE001 - a sign-in can fail in many ways
                shift.acknowledged.statuses[type(error).__name__] += 1
        await asyncio.sleep(STARTER_PAUSE_SECONDS)


async def findings_after(endpoints: Endpoints, said: Acknowledged, earlier: Any) -> dict[str, int]:
    urls = endpoints.databases.values()
    await ensure_quiescent(urls, endpoints.nats_url, seconds=SETTLE_SECONDS)
    found = await findings(endpoints, said, earlier)
    return {name: count for name, count in found.items() if count}


def print_replacements(
    reporter: Reporter, done: list[Replaced], tally: Tally, said: Acknowledged
) -> None:
    table = Table("Replaced", "Seconds", "Requests meanwhile", "Failed", "Stopped", box=None)
    for process in done:
        stopped = "by itself" if process.in_time else "killed"
        counts = (str(process.requests), str(process.failed))
        table.add_row(process.name, f"{process.seconds:.1f}", *counts, stopped)
    reporter.console.print(table)
    reporter.say(
        f"{tally.requests} requests, {tally.failed} failed; {len(done)} processes replaced;"
        f" {len(said.cases)} submissions and {len(said.decisions)} decisions acknowledged"
    )
