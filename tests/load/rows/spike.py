"""Row 14: a five-fold spike of a minute on a whole platform, and how it recovers.

People come at moments fixed in advance, whether or not others have been answered; a wait counts
from the planned moment. Whoever is refused for now (429, 503) goes away and does not repeat.
"""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import asyncpg

from onenet.databases import Database
from onenet.quiescence import wait_until_quiescent

from ..bench import Bench
from ..frame import Outcome, Row, figure_outcome, quantile
from ..loader import Connections, arrivals
from ..people import REFUSED, Crowd, Sent, gather
from ..platforms import Platform
from ..promises import SPIKE_ERRORS, SPIKE_LOST, SPIKE_RECOVERY

BASE_SECONDS, SPIKE_SECONDS, AFTER_SECONDS = 40, 60, 75
FOLD = 5
# Of what the platform does at most: comfortable before the spike, too much during it.
SHARE = 0.35
TRIAL_SECONDS, TRIAL_PEOPLE, PAUSE_SECONDS = 15, 24, 5
# p95 is looked at in windows of so many seconds.
WINDOW = 10
SETTLE_SECONDS = 120
REPEATED = 50
STORED = "SELECT count(*) FROM case_file WHERE case_no > ''"
OF_THESE = "SELECT count(*) FROM case_file WHERE case_no > '' AND case_id = ANY($1::uuid[])"


@dataclass
class Phase:
    """`begins` in monotonic seconds; `late` is how far behind its plan the loader was."""

    name: str
    begins: float
    sent: list[Sent] = field(default_factory=list)
    late: list[float] = field(default_factory=list)

    def served(self, since: float = 0, until: float = float("inf")) -> list[float]:
        return [
            request.seconds
            for request in self.sent
            if request.status not in REFUSED and since <= request.planned - self.begins < until
        ]

    def refused(self, since: float = 0, until: float = float("inf")) -> int:
        return sum(
            request.status in REFUSED and since <= request.planned - self.begins < until
            for request in self.sent
        )

    def unexpected(self) -> Counter[str]:
        return Counter(
            f"{request.kind} {request.status}" for request in self.sent if not request.expected
        )


async def spike(bench: Bench) -> Sequence[Outcome]:
    async with bench.platform() as platform:
        connections = Connections(platform.base_url)
        crowd = await gather(platform, connections)
        stored_before = await _count(platform, STORED)
        try:
            used = platform.cpu_seconds()
            capacity = await _capacity(crowd)
            bench.say(costs(used, platform.cpu_seconds(), capacity * TRIAL_SECONDS))
            rate = SHARE * capacity
            bench.say(
                f"at most {capacity:.0f} errands/s; base {rate:.0f}/s, spike {FOLD * rate:.0f}/s"
            )
            async with asyncio.TaskGroup() as visits:
                phases = [
                    await _phase(bench, crowd, visits, *plan)
                    for plan in (
                        ("base", rate, BASE_SECONDS),
                        ("spike", FOLD * rate, SPIKE_SECONDS),
                        ("after", rate, AFTER_SECONDS),
                    )
                ]
            wrong = await _wrong(bench, platform, crowd, stored_before)
        finally:
            connections.close()
    return _outcomes(phases, wrong, rate)


async def _capacity(crowd: Crowd) -> float:
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
    parts = sorted(spent.items(), key=lambda part: -part[1])
    return "CPU ms an errand: " + ", ".join(f"{name} {value:.1f}" for name, value in parts)


async def _phase(
    bench: Bench, crowd: Crowd, visits: asyncio.TaskGroup, name: str, rate: float, seconds: float
) -> Phase:
    """Errands overlap as they come; the phase ends with the last arrival, not with its answer."""
    phase = Phase(name, time.monotonic())
    reported = 0
    for moment in arrivals(rate, seconds, random.Random(name)):
        planned = phase.begins + moment
        if (pause := planned - time.monotonic()) > 0:
            await asyncio.sleep(pause)
        phase.late.append(time.monotonic() - planned)
        visits.create_task(crowd.errand(planned, phase.sent))
        if moment // 20 > reported:
            reported = moment // 20
            _say(bench, phase, f"{moment:.0f} s, {crowd.under_way} under way")
    await asyncio.sleep(max(0, phase.begins + seconds - time.monotonic()))
    return phase


def _say(bench: Bench, phase: Phase, text: str) -> None:
    p95 = quantile(phase.served(), 0.95) * 1000
    refused = phase.refused()
    bench.say(f"{phase.name} {text}: p95 {p95:.0f} ms, {refused} of {len(phase.sent)} refused")


async def _wrong(bench: Bench, platform: Platform, crowd: Crowd, stored_before: int) -> int:
    """Acknowledged and not there, there and not acknowledged, or there twice for one key."""
    acknowledged = crowd.acknowledged
    repeated = min(REPEATED, len(acknowledged))
    for key in random.Random(0).sample(sorted(acknowledged), repeated):
        await crowd.repeat(key)
    databases = {name: Database(url, url) for name, url in platform.endpoints.databases.items()}
    if not await wait_until_quiescent(
        databases, platform.endpoints.nats_url, seconds=SETTLE_SECONDS
    ):
        raise RuntimeError(f"after {SETTLE_SECONDS} s events still wait for their effect")
    cases = [application.case_id for application in acknowledged.values()]
    stored = await _count(platform, STORED) - stored_before
    present = await _count(platform, OF_THESE, cases)
    lost, extra = len(cases) - present, stored - len(set(cases))
    bench.say(f"{len(cases)} submissions acknowledged, {lost} lost, {extra} stored beside them")
    return lost + abs(extra) + len(cases) - len(set(cases)) + crowd.answered_otherwise


async def _count(platform: Platform, statement: str, *values) -> int:
    connection = await asyncpg.connect(platform.endpoints.databases["case"])
    try:
        return await connection.fetchval(statement, *values)
    finally:
        await connection.close()


def _outcomes(phases: list[Phase], wrong: int, rate: float) -> Sequence[Outcome]:
    base, high, after = phases
    p95 = quantile(base.served(), 0.95)
    back = recovery(after, 1.2 * p95)
    errors = sum((phase.unexpected() for phase in phases), Counter())
    late = max(quantile(phase.late, 0.99) for phase in phases)
    course = (
        f"{rate:.0f} errands/s × {FOLD}; p95 {p95 * 1000:.0f} ms before,"
        f" {quantile(high.served(), 0.95) * 1000:.0f} in the spike ({len(high.served())} of"
        f" {len(high.sent)} answered, others refused), loader late by {late * 1000:.0f} ms (p99)"
    )
    most_common = ", ".join(f"{name}: {count}" for name, count in errors.most_common(6))
    return [
        figure_outcome(SPIKE_ERRORS, [errors.total()], notes=most_common),
        figure_outcome(SPIKE_LOST, [wrong]),
        figure_outcome(SPIKE_RECOVERY, [back], unit="s", notes=course),
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


ROWS = (
    Row(
        "five-fold spike",
        [SPIKE_ERRORS, SPIKE_LOST, SPIKE_RECOVERY],
        spike,
        seconds=290,
        fixed=True,
    ),
)
