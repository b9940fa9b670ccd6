"""A five-fold spike of two minutes on a whole platform, and how it recovers.

People come at moments fixed in advance, whether or not others have been answered; what somebody
waits before the loader gets to her counts. Whoever is told to come again (429, 503) goes away.
"""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import asyncpg

from onenet.quiescence import ensure_quiescent

from ..bench import Bench
from ..frame import Outcome, Row, figure_outcome, quantile
from ..loader import Wires, arrivals
from ..people import Asked, Crowd, gathered
from ..platforms import Platform

BASE_SECONDS, SPIKE_SECONDS, AFTER_SECONDS = 60, 120, 75
FOLD = 5
# Of what the platform does at most: comfortable before the spike, too much during it.
SHARE = 0.35
TRIAL_SECONDS, TRIAL_PEOPLE, PAUSE_SECONDS = 15, 24, 5
# p95 is looked at in windows of so many seconds.
WINDOW = 10
LATER = frozenset({429, 503})
SETTLE_SECONDS = 120
REPEATED = 50
STORED = "SELECT count(*) FROM case_file WHERE case_no > ''"
OF_THESE = "SELECT count(*) FROM case_file WHERE case_no > '' AND case_id = ANY($1::uuid[])"


@dataclass
class Phase:
    """`begins` in monotonic seconds; `waited` holds (seconds since then, seconds waited)."""

    name: str
    begins: float
    asked: list[Asked] = field(default_factory=list)
    late: list[float] = field(default_factory=list)

    def served(self, since: float = 0, until: float = float("inf")) -> list[float]:
        return [
            one.seconds
            for one in self.asked
            if one.status not in LATER and since <= one.planned - self.begins < until
        ]

    def refused(self, since: float = 0, until: float = float("inf")) -> int:
        return sum(
            one.status in LATER and since <= one.planned - self.begins < until for one in self.asked
        )

    def statuses(self) -> Counter[str]:
        return Counter(f"{one.kind} {one.status}" for one in self.asked if not one.expected)


async def spike(bench: Bench) -> Sequence[Outcome]:
    async with bench.platform() as platform:
        wires = Wires(platform.base_url)
        crowd = await gathered(platform, wires)
        began = await _one(platform, STORED)
        try:
            used = platform.cpu_seconds()
            most = await _most(crowd)
            bench.say(costs(used, platform.cpu_seconds(), most * TRIAL_SECONDS))
            rate = SHARE * most
            bench.say(f"at most {most:.0f} errands/s; base {rate:.0f}/s, spike {FOLD * rate:.0f}/s")
            async with asyncio.TaskGroup() as visits:
                phases = [
                    await _phase(bench, crowd, visits, *one)
                    for one in (
                        ("base", rate, BASE_SECONDS),
                        ("spike", FOLD * rate, SPIKE_SECONDS),
                        ("after", rate, AFTER_SECONDS),
                    )
                ]
            wrong = await _wrong(bench, platform, crowd, began)
        finally:
            wires.close()
    return _outcomes(phases, wrong, rate)


async def _most(crowd: Crowd) -> float:
    """Errands a second when so many people do one after the other."""
    end = time.monotonic() + TRIAL_SECONDS
    done = 0

    async def busy() -> None:
        nonlocal done
        while time.monotonic() < end:
            await crowd.errand(time.monotonic(), [])
            done += 1

    began = time.monotonic()
    await asyncio.gather(*(busy() for _ in range(TRIAL_PEOPLE)))
    rate = done / (time.monotonic() - began)
    await asyncio.sleep(PAUSE_SECONDS)
    return rate


def costs(before: Mapping[str, float], after: Mapping[str, float], errands: float) -> str:
    """CPU of each part an errand: what the platform spends its time on."""
    spent = {name: 1000 * (after[name] - before.get(name, 0.0)) / errands for name in after}
    parts = sorted(spent.items(), key=lambda one: -one[1])
    return "CPU ms an errand: " + ", ".join(f"{name} {value:.1f}" for name, value in parts)


async def _phase(
    bench: Bench, crowd: Crowd, visits: asyncio.TaskGroup, name: str, rate: float, seconds: float
) -> Phase:
    """Errands overlap as they come; the phase ends with the last arrival, not with its answer."""
    phase = Phase(name, time.monotonic())
    said = 0
    for moment in arrivals(rate, seconds, random.Random(name)):
        planned = phase.begins + moment
        if (pause := planned - time.monotonic()) > 0:
            await asyncio.sleep(pause)
        phase.late.append(time.monotonic() - planned)
        visits.create_task(crowd.errand(planned, phase.asked))
        if moment // 20 > said:
            said = moment // 20
            _say(bench, phase, f"{moment:.0f} s, {crowd.under_way} under way")
    await asyncio.sleep(max(0, phase.begins + seconds - time.monotonic()))
    return phase


def _say(bench: Bench, phase: Phase, text: str) -> None:
    found = quantile(phase.served(), 0.95) * 1000
    refused = phase.refused()
    bench.say(f"{phase.name} {text}: p95 {found:.0f} ms, {refused} of {len(phase.asked)} refused")


async def _wrong(bench: Bench, platform: Platform, crowd: Crowd, began: int) -> int:
    """Acknowledged and not there, there and not acknowledged, or there twice for one key."""
    given = crowd.acknowledged
    for key in random.Random(0).sample(sorted(given), min(REPEATED, len(given))):
        await crowd.repeat(key)
    urls = platform.places.databases.values()
    await ensure_quiescent(urls, platform.places.nats_url, seconds=SETTLE_SECONDS)
    cases = [one.case_id for one in given.values()]
    stored = await _one(platform, STORED) - began
    found = await _one(platform, OF_THESE, cases)
    lost, extra = len(cases) - found, stored - len(set(cases))
    bench.say(f"{len(cases)} submissions acknowledged, {lost} lost, {extra} stored beside them")
    return lost + abs(extra) + len(cases) - len(set(cases)) + crowd.answered_otherwise


async def _one(platform: Platform, question: str, *values) -> int:
    connection = await asyncpg.connect(platform.places.databases["case"])
    try:
        return await connection.fetchval(question, *values)
    finally:
        await connection.close()


def _outcomes(phases: list[Phase], wrong: int, rate: float) -> Sequence[Outcome]:
    base, high, after = phases
    p95 = quantile(base.served(), 0.95)
    back = recovery(after, 1.2 * p95)
    errors = sum((one.statuses() for one in phases), Counter())
    served, all_asked = len(high.served()), len(high.asked)
    lag = max(quantile(one.late, 0.99) for one in phases)
    said = (
        f"{rate:.0f} errands/s × {FOLD}; p95 {p95 * 1000:.0f} ms before,"
        f" {quantile(high.served(), 0.95) * 1000:.0f} in the spike ({served} of {all_asked}"
        f" answered, others told when to come again), loader late by {lag * 1000:.0f} ms (p99)"
    )
    told = ", ".join(f"{name}: {count}" for name, count in errors.most_common(6))
    title = "five-fold spike: "
    return [
        figure_outcome(title + "errors but 429/503", "", [errors.total()], "≤ 0", told),
        figure_outcome(title + "submissions lost or doubled", "", [wrong], "≤ 0"),
        figure_outcome(title + "p95 back within 20 % after", "s", [back], "≤ 60 s", said),
    ]


def recovery(after: Phase, limit: float) -> float:
    """Seconds until the first window in which nobody is refused and p95 is within the limit;
    all of them when there is none."""
    for since in range(AFTER_SECONDS - WINDOW + 1):
        window = after.served(since, since + WINDOW)
        refused = after.refused(since, since + WINDOW)
        if window and not refused and quantile(window, 0.95) <= limit:
            return float(since)
    return float(AFTER_SECONDS)


ROWS = (Row(15, "five-fold spike", spike, seconds=400, fixed=True),)
