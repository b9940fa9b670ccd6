"""One run: a platform of its own, people at work, a hand that kills, then the questions."""

import asyncio
import random
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from onenet.chaos.checks import findings
from onenet.chaos.clients import Acknowledged, Work, citizen, officer
from onenet.chaos.kills import kill_on
from onenet.client import Network
from onenet.databases import database_of
from onenet.failures import Unexpected
from onenet.secret_keys import open_secrets
from onenet.services import SERVICES
from onenet.settling import settle
from onenet.state import known_home, read_json
from onenet.story.telling import platform_of_its_own
from onenet.telling import Teller
from onenet.whereabouts import samples_of

ITEM: Final = "补领结婚证"  # an immediate item: acceptance and decision follow one another
CITIZENS: Final = 13
OFFICERS: Final = 3
SETTLE_SECONDS: Final = 120


def unleash(teller: Teller, *, seconds: int, seed: int) -> None:
    """Raises Unexpected, naming the figures, when anything was lost or doubled."""
    teller.say(f"Seed {seed}: the same seed kills in the same order.")
    with platform_of_its_own(teller) as (base_url, samples):
        found = asyncio.run(_run(teller, base_url, samples, seconds, random.Random(seed)))  # noqa: S311 - to be repeated
    for name, count in found.items():
        teller.say(f"{count:>7}  {name}")
    wrong = {name: count for name, count in found.items() if count}
    if wrong:
        raise Unexpected(f"Seed {seed}: {wrong}")


async def _run(
    teller: Teller, base_url: str, samples: Path, seconds: int, choice: random.Random
) -> dict[str, int]:
    accounts = samples_of(samples)
    home = known_home(samples.parent)
    work = _work(base_url, time.monotonic() + seconds)
    clerks = _officers(accounts, work.item["department"]["code"])
    async with asyncio.TaskGroup() as group:
        for number in range(CITIZENS):
            account = accounts["citizens"][number % len(accounts["citizens"])]
            group.create_task(citizen(work, account))
        for number in range(OFFICERS):
            own = random.Random(choice.random())  # noqa: S311 - to be repeated
            group.create_task(officer(work, clerks[number % len(clerks)], own))
        kills = group.create_task(kill_on(home.running, work.end, choice, teller))
    said = work.acknowledged
    teller.say(
        f"{len(said.cases)} submissions, {len(said.decisions)} decisions and {len(said.ratings)}"
        f" ratings acknowledged, {kills.result()} processes struck; answers: {dict(said.statuses)}"
    )
    running = read_json(home.running)
    databases = {
        name: database_of(name, running["database_url"], open_secrets(home, SERVICES).roles)
        for name in SERVICES
    }
    if not await settle(databases, running["nats_url"], seconds=SETTLE_SECONDS):
        raise Unexpected(f"After {SETTLE_SECONDS} seconds events still wait for their effect.")
    return await findings(databases, said)


def _work(base_url: str, end: float) -> Work:
    public = Network.at(base_url)
    item = public.get("/api/v1/items", params={"q": ITEM})["data"][0]
    schema = public.get(item["links"]["form"])["schema"]
    question = {"answers": {}, "applicant_type": "natural_person"}
    needed = public.post(item["links"]["precheck"], question, status=200)["materials"]
    return Work(
        base_url=base_url,
        item=item,
        form={
            n: one["examples"][0] for n, one in schema["properties"].items() if "examples" in one
        },
        materials=[one for one in needed if one["required"] and one["source"] != "shared_data"],
        end=end,
        acknowledged=Acknowledged(),
    )


def _officers(accounts: Mapping[str, Any], department: str) -> list[Mapping[str, str]]:
    """Those who may both accept and decide an immediate item."""
    return [
        one
        for one in accounts["staff"]
        if one["department_code"] == department and "clerk" in one["roles"]
    ]
