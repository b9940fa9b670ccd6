"""Runs in a row on one platform: people at work, a hand that kills, then the questions."""

import asyncio
import json
import random
import time
from collections.abc import Coroutine, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from rich.table import Table

from onenet.chaos.attackers import attacker
from onenet.chaos.checks import before, findings
from onenet.chaos.clients import Acknowledged, Work, citizen, officer
from onenet.chaos.faults import FaultCounts, inject_faults
from onenet.chaos.plans import Plan, plans_at
from onenet.console import Reporter
from onenet.databases import Database
from onenet.endpoints import Endpoints, endpoints_of
from onenet.failures import Unexpected
from onenet.quiescence import wait_until_quiescent
from onenet.state import known_home
from onenet.story.run import platform_of_its_own
from onenet.targets import samples_of

CITIZENS: Final = 12
OFFICERS: Final = 3
SETTLE_SECONDS: Final = 180


@dataclass(frozen=True)
class Options:
    """`submissions` a run, at most `seconds` each; seeds count up from `seed`."""

    runs: int
    submissions: int
    seconds: int
    seed: int
    split: bool
    report: Path | None


@dataclass(frozen=True)
class Run:
    """One run: what was done, what was found."""

    seed: int
    submissions: int
    corrections: int
    decisions: int
    ratings: int
    withdrawals: int
    refusals: int
    strikes: FaultCounts
    seconds: float
    wrong: Mapping[str, int]
    checked: int


def run_chaos(reporter: Reporter, options: Options) -> None:
    """Raises Unexpected, naming the figures, when anything was lost or doubled in any run."""
    done: list[Run] = []
    with platform_of_its_own(reporter, split=options.split) as (base_url, samples):
        for seed in range(options.seed, options.seed + options.runs):
            reporter.say(f"Seed {seed}: the same seed kills in the same order.")
            done.append(asyncio.run(_run(reporter, base_url, samples, options, seed)))
            _keep(done, options)
    _tell(reporter, done)
    wrong = {one.seed: dict(one.wrong) for one in done if one.wrong}
    few = [one.seed for one in done if one.submissions < options.submissions]
    if wrong or few:
        raise Unexpected(f"Wrong: {wrong}; fewer than {options.submissions} submissions: {few}")


async def _run(
    reporter: Reporter, base_url: str, samples: Path, options: Options, seed: int
) -> Run:
    choice = random.Random(seed)  # noqa: S311 - to be repeated
    accounts = samples_of(samples)
    home = known_home(samples.parent)
    said = Acknowledged()
    endpoints = endpoints_of(samples.parent)
    earlier = await before(endpoints)
    plans = plans_at(base_url)
    began = time.monotonic()
    work = Work(base_url, plans, options.submissions, began + options.seconds, said)
    async with asyncio.TaskGroup() as group:
        for start in _people(work, accounts, plans, choice):
            group.create_task(start)
        kills = group.create_task(inject_faults(work, home, choice, reporter))
    took = time.monotonic() - began
    reporter.say(f"answers: {dict(said.statuses)}")
    await _settled(endpoints_of(samples.parent))
    found = await findings(endpoints_of(samples.parent), said, earlier)
    run = Run(
        seed=seed,
        submissions=len(said.cases),
        corrections=len(said.corrections),
        decisions=len(said.decisions),
        ratings=len(said.ratings),
        withdrawals=len(said.withdrawals),
        refusals=said.failed_sign_ins + said.replays,
        strikes=kills.result(),
        seconds=round(took, 1),
        wrong={name: count for name, count in found.items() if count},
        checked=len(found),
    )
    _say(reporter, run)
    return run


def _people(
    work: Work, accounts: Mapping[str, Any], plans: list[Plan], choice: random.Random
) -> list[Coroutine[Any, Any, None]]:
    """Sixteen: citizens, officers of the department, and one who tries what is refused."""
    officers = _officers(accounts, plans[0].item["department"]["code"])
    known = accounts["citizens"]
    people = [citizen(work, known[one % len(known)], _own(choice)) for one in range(CITIZENS)]
    people += [
        officer(work, officers[one % len(officers)], _own(choice)) for one in range(OFFICERS)
    ]
    return [*people, attacker(work, known[-1], _own(choice))]


def _own(choice: random.Random) -> random.Random:
    return random.Random(choice.random())  # noqa: S311 - to be repeated


def _officers(accounts: Mapping[str, Any], department: str) -> list[Mapping[str, str]]:
    """Two who accept and review, one who decides what others have accepted."""
    own = [one for one in accounts["staff"] if one["department_code"] == department]
    clerks = [one for one in own if "clerk" in one["roles"]]
    deciders = [one for one in own if "decider" in one["roles"] and one not in clerks[:2]]
    return [*clerks[:2], *deciders[:1]]


async def _settled(endpoints: Endpoints) -> None:
    databases = {name: Database(url, url) for name, url in endpoints.databases.items()}
    if not await wait_until_quiescent(databases, endpoints.nats_url, seconds=SETTLE_SECONDS):
        raise Unexpected(f"After {SETTLE_SECONDS} seconds events still wait for their effect.")


def _say(reporter: Reporter, run: Run) -> None:
    strikes = run.strikes
    reporter.say(
        f"{run.submissions} submissions, {run.corrections} corrections, {run.decisions} decisions,"
        f" {run.ratings} ratings, {run.withdrawals} withdrawals acknowledged and {run.refusals}"
        f" attempts refused in {run.seconds:.0f} s; {strikes.killed} killed, {strikes.frozen}"
        f" frozen, bus lost {strikes.bus_lost} times; {run.checked} figures asked for,"
        f" {len(run.wrong)} wrong {dict(run.wrong) or ''}"
    )


def _tell(reporter: Reporter, done: list[Run]) -> None:
    heads = ("Seed", "Submissions", "Corrections", "Decisions", "Ratings")
    table = Table(*heads, "Killed", "Frozen", "Bus lost", "Seconds", "Wrong", box=None)
    for one in done:
        counts = (one.submissions, one.corrections, one.decisions, one.ratings)
        blows = (one.strikes.killed, one.strikes.frozen, one.strikes.bus_lost)
        wrong = ", ".join(f"{name} {count}" for name, count in one.wrong.items()) or "0"
        table.add_row(*map(str, (one.seed, *counts, *blows)), f"{one.seconds:.0f}", wrong)
    reporter.console.print(table)


def _keep(done: list[Run], options: Options) -> None:
    """Written after each run, so that what was found is there however the next one ends."""
    if options.report is not None:
        options.report.parent.mkdir(parents=True, exist_ok=True)
        content = [asdict(one) for one in done]
        options.report.write_text(json.dumps(content, ensure_ascii=False, indent=1) + "\n")
