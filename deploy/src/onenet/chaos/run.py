"""Chaos runs on one platform: people work, faults are injected, then the checks."""

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
from onenet.endpoints import endpoints_of
from onenet.failures import Unexpected
from onenet.quiescence import ensure_quiescent
from onenet.state import known_home
from onenet.story.run import platform_of_its_own
from onenet.targets import samples_of

CITIZENS: Final = 12
OFFICERS: Final = 3
SETTLE_SECONDS: Final = 180


@dataclass(frozen=True)
class Options:
    """`submissions` per run, at most `seconds` long; seeds count up from `seed`."""

    runs: int
    submissions: int
    seconds: int
    seed: int
    split: bool
    report: Path | None


@dataclass(frozen=True)
class Run:
    """The result of a run."""

    seed: int
    submissions: int
    corrections: int
    decisions: int
    ratings: int
    withdrawals: int
    refusals: int
    faults: FaultCounts
    seconds: float
    wrong: Mapping[str, int]
    checked: int


def run_chaos(reporter: Reporter, options: Options) -> None:
    """Raises Unexpected with the figures when anything was lost or doubled in a run."""
    done: list[Run] = []
    with platform_of_its_own(reporter, split=options.split) as (base_url, samples):
        for seed in range(options.seed, options.seed + options.runs):
            reporter.say(f"Seed {seed}: the same seed kills in the same order.")
            done.append(asyncio.run(run_once(reporter, base_url, samples, options, seed)))
            write_report(done, options)
    print_runs(reporter, done)
    wrong = {run.seed: dict(run.wrong) for run in done if run.wrong}
    few = [run.seed for run in done if run.submissions < options.submissions]
    if wrong or few:
        raise Unexpected(f"Wrong: {wrong}; fewer than {options.submissions} submissions: {few}")


async def run_once(
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
        for start in people_of(work, accounts, plans, choice):
            group.create_task(start)
        faults = group.create_task(inject_faults(work, home, choice, reporter))
    took = time.monotonic() - began
    reporter.say(f"answers: {dict(said.statuses)}")
    endpoints = endpoints_of(samples.parent)  # anew: a restarted bus may listen elsewhere
    urls = endpoints.databases.values()
    await ensure_quiescent(urls, endpoints.nats_url, seconds=SETTLE_SECONDS)
    found = await findings(endpoints, said, earlier)
    run = Run(
        seed=seed,
        submissions=len(said.cases),
        corrections=len(said.corrections),
        decisions=len(said.decisions),
        ratings=len(said.ratings),
        withdrawals=len(said.withdrawals),
        refusals=said.failed_sign_ins + said.replays,
        faults=faults.result(),
        seconds=round(took, 1),
        wrong={name: count for name, count in found.items() if count},
        checked=len(found),
    )
    report_run(reporter, run)
    return run


def people_of(
    work: Work, accounts: Mapping[str, Any], plans: list[Plan], choice: random.Random
) -> list[Coroutine[Any, Any, None]]:
    """Sixteen people: citizens, officers of the department, and an attacker."""
    officers = officers_of(accounts, plans[0].item["department"]["code"])
    known = accounts["citizens"]
    people = [citizen(work, known[one % len(known)], child_of(choice)) for one in range(CITIZENS)]
    people += [
        officer(work, officers[one % len(officers)], child_of(choice)) for one in range(OFFICERS)
    ]
    return [*people, attacker(work, known[-1], child_of(choice))]


def child_of(choice: random.Random) -> random.Random:
    return random.Random(choice.random())  # noqa: S311 - to be repeated


def officers_of(accounts: Mapping[str, Any], department: str) -> list[Mapping[str, str]]:
    """Two clerks who accept and review, and a decider for what others have accepted."""
    own = [one for one in accounts["staff"] if one["department_code"] == department]
    clerks = [one for one in own if "clerk" in one["roles"]]
    deciders = [one for one in own if "decider" in one["roles"] and one not in clerks[:2]]
    return [*clerks[:2], *deciders[:1]]


def report_run(reporter: Reporter, run: Run) -> None:
    faults = run.faults
    reporter.say(
        f"{run.submissions} submissions, {run.corrections} corrections, {run.decisions} decisions,"
        f" {run.ratings} ratings, {run.withdrawals} withdrawals acknowledged and {run.refusals}"
        f" attempts refused in {run.seconds:.0f} s; {faults.killed} killed, {faults.frozen}"
        f" frozen, bus lost {faults.bus_lost} times; {run.checked} figures asked for,"
        f" {len(run.wrong)} wrong {dict(run.wrong) or ''}"
    )


def print_runs(reporter: Reporter, done: list[Run]) -> None:
    heads = ("Seed", "Submissions", "Corrections", "Decisions", "Ratings")
    table = Table(*heads, "Killed", "Frozen", "Bus lost", "Seconds", "Wrong", box=None)
    for run in done:
        counts = (run.submissions, run.corrections, run.decisions, run.ratings)
        faults = (run.faults.killed, run.faults.frozen, run.faults.bus_lost)
        wrong = ", ".join(f"{name} {count}" for name, count in run.wrong.items()) or "0"
        table.add_row(*map(str, (run.seed, *counts, *faults)), f"{run.seconds:.0f}", wrong)
    reporter.console.print(table)


def write_report(done: list[Run], options: Options) -> None:
    """Written after each run, so that a failure of the next loses nothing."""
    if options.report is not None:
        options.report.parent.mkdir(parents=True, exist_ok=True)
        content = [asdict(run) for run in done]
        options.report.write_text(json.dumps(content, ensure_ascii=False, indent=1) + "\n")
