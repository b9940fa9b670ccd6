"""Rows 6 and 13: what citizens and officers read, through the gateway of a whole platform."""

import asyncio
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from onenet.client import SignedIn
from onenet.story.cast import Cast

from ..bench import Bench
from ..frame import Load, Outcome, Row, figure_outcome, ratio_outcome
from ..servers import accounts, transactions_per_second
from .submission import Client, prepare

CASES = 25
ITEM = "补领结婚证"


@dataclass(frozen=True)
class Reader:
    """Somebody with a token, and an address to read."""

    name: str
    path: str
    token: str | None

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"} if self.token else {}


async def readers(base_url: str, samples: dict[str, Any]) -> list[Reader]:
    """The reads that are measured."""
    citizen = await asyncio.to_thread(_token, base_url, samples["citizens"][0])
    cast = Cast.at(base_url, samples)
    item = cast.public.get("/api/v1/items", params={"q": ITEM})["data"][0]
    own = [one for one in samples["staff"] if one["department_code"] == item["department"]["code"]]
    clerk = await asyncio.to_thread(
        _token, base_url, next(one for one in own if "clerk" in one["roles"])
    )
    case_id = await _cases(base_url, citizen, cast, item)
    here = f"/api/v1/items/{item['item_id']}"
    return [
        Reader("case detail", f"/api/v1/cases/{case_id}", citizen),
        Reader("list of 20", "/api/v1/me/cases?limit=20", citizen),
        Reader("officer's pool", "/api/v1/tasks?scope=pool&limit=20", clerk),
        Reader("progress of a clock", f"/api/v1/cases/{case_id}/clock", citizen),
        Reader("search", "/api/v1/items?q=%E7%BB%93%E5%A9%9A&limit=20", None),
        Reader("guide", here, None),
        Reader("form", f"{here}/form", None),
    ]


def _token(base_url: str, account: dict[str, str]) -> str:
    import httpx

    auth = SignedIn(base_url, account["username"], account["password"])
    with httpx.Client(base_url=base_url, auth=auth, timeout=30) as http:
        http.get("/api/v1/identity/me")
    return auth.access_token


async def _cases(base_url: str, token: str, cast: Cast, item: dict[str, Any]) -> str:
    """Cases of one citizen; the id of the last."""
    import json

    client = await Client.at(base_url, {"Authorization": f"Bearer {token}"})
    guide = cast.public.get(f"/api/v1/items/{item['item_id']}")
    guide["form"] = cast.public.get(f"/api/v1/items/{item['item_id']}/form")["schema"]
    if not await prepare([client], [{"item_id": item["item_id"], "guide": guide}]):
        raise RuntimeError(f"{ITEM} takes no application")
    answer = b""
    for _ in range(CASES):
        status, answer = await client.post("/api/v1/cases", client.bodies[0])
        if status != 201:
            raise RuntimeError(f"a submission was answered {status}")
    return str(json.loads(answer)["case_id"])


async def detail_and_list(bench: Bench) -> Sequence[Outcome]:
    """Reads a second against single rows by primary key, from a server like the platform's."""
    async with bench.platform() as platform, bench.postgres() as postgres:
        found = await readers(platform.base_url, dict(platform.samples))
        url = await postgres.database("bench_rows")
        await accounts(url)

        async def bare() -> float:
            return await transactions_per_second(url, None, seconds=bench.seconds)

        outcomes = []
        for one in found[:2]:

            async def rate(reader: Reader = one) -> float:
                return (await _asked(bench, platform.base_url, reader)).requests_per_second

            rounds = await bench.alternate(rate, bare)
            outcomes.append(
                ratio_outcome(f"{one.name} ÷ one row by key", "per second", rounds, "≥ 0.02")
            )
        return outcomes


async def slowest(bench: Bench) -> Sequence[Outcome]:
    """The p99 of every read at sixteen clients; the worst of them is the promise.

    One read after the other, again and again: a slow minute of the machine meets them all alike.
    """
    async with bench.platform() as platform:
        found = await readers(platform.base_url, dict(platform.samples))
        turns: dict[str, list[float]] = {one.name: [] for one in found}
        for _ in range(bench.rounds + 2):
            for one in found:
                turns[one.name].append((await _asked(bench, platform.base_url, one)).p99_ms)
        medians = {name: statistics.median(waits) for name, waits in turns.items()}
        notes = ", ".join(f"{name} {value:.1f}" for name, value in medians.items())
        worst = max(medians.values())
        return [figure_outcome("p99 of the slowest read", "ms", [worst], "≤ 20", notes)]


async def _asked(bench: Bench, base_url: str, reader: Reader) -> Load:
    found = await bench.load(f"{base_url}{reader.path}", headers=reader.headers)
    if found.errors:
        raise RuntimeError(f"{reader.name}: {found.errors} errors")
    return found


ROWS = (
    Row(
        6, "case detail and list through the gateway ÷ one row by key", detail_and_list, seconds=90
    ),
    Row(13, "p99 of any read, 16 clients", slowest, seconds=230),
)
