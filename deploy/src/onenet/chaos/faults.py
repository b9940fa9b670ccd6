"""Fault injection: kill one process after another, in an order that the seed determines."""

import asyncio
import os
import random
import shutil
import signal
import time
from dataclasses import dataclass
from typing import Any, Final

from onenet.chaos.clients import Work
from onenet.console import Reporter
from onenet.state import Home, read_json

BETWEEN_SECONDS: Final = (5.0, 10.0)
STOPPED_SECONDS: Final = 10
# The launcher stops when a child ends more than five times a minute.
REST_SECONDS: Final = 15.0
FROZEN: Final = 0.15
BUS: Final = "NATS"


@dataclass
class FaultCounts:
    """The faults injected so far."""

    killed: int = 0
    frozen: int = 0
    bus_lost: int = 0


async def inject_faults(
    work: Work, home: Home, choice: random.Random, reporter: Reporter
) -> FaultCounts:
    """Kill, freeze and once delete all data of the bus, for as long as people work."""
    done, last = FaultCounts(), dict[str, float]()
    losing = choice.randint(3, 6)
    while work.goes_on():
        await asyncio.sleep(choice.uniform(*BETWEEN_SECONDS))
        order = choice.random(), choice.random()
        if not work.goes_on():
            break
        losing -= 1
        if losing == 0:
            reporter.say("the bus loses all its data")
            lose_bus(home)
            done.bus_lost += 1
            last[BUS] = time.monotonic()
            continue
        child = choose_child(home, last, order[0])
        if child is not None:
            frozen = order[1] < FROZEN
            reporter.say(f"{'SIGSTOP' if frozen else 'SIGKILL'} {child['name']}")
            await kill_or_freeze(child, frozen=frozen)
            last[child["name"]] = time.monotonic()
            done.frozen += frozen
            done.killed += not frozen
    return done


def choose_child(home: Home, last: dict[str, float], lot: float) -> dict[str, Any] | None:
    """A child by name and random number, so that a seed repeats; none that was just hit."""
    children = sorted(read_json(home.running)["children"], key=lambda one: str(one["name"]))
    rested = [
        one for one in children if time.monotonic() - last.get(one["name"], 0.0) > REST_SECONDS
    ]
    return rested[int(lot * len(rested))] if rested else None


async def kill_or_freeze(child: dict[str, Any], *, frozen: bool) -> None:
    try:
        os.kill(child["pid"], signal.SIGSTOP if frozen else signal.SIGKILL)
        if frozen:
            await asyncio.sleep(STOPPED_SECONDS)
            os.kill(child["pid"], signal.SIGCONT)
    except ProcessLookupError:
        return


def lose_bus(home: Home) -> None:
    """Delete streams and consumers: the folder first, so that nothing is written back."""
    bus = next((one for one in read_json(home.running)["children"] if one["name"] == BUS), None)
    if bus is None:
        return
    lost = home.place / f"nats.lost.{time.monotonic_ns()}"
    (home.place / "nats").rename(lost)
    try:
        os.kill(bus["pid"], signal.SIGKILL)
    except ProcessLookupError:
        return
    finally:
        shutil.rmtree(lost, ignore_errors=True)
