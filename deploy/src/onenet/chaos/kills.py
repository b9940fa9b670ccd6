"""The hand that kills: one process after another, in an order the seed decides."""

import asyncio
import os
import random
import signal
import time
from pathlib import Path
from typing import Any, Final

from onenet.state import read_json
from onenet.telling import Teller

BETWEEN_SECONDS: Final = (3.0, 6.0)
STOPPED_SECONDS: Final = 10
# The launcher gives up on a child that falls more than five times a minute.
REST_SECONDS: Final = 15.0


async def kill_on(roster: Path, end: float, choice: random.Random, teller: Teller) -> int:
    """Kill or freeze until shortly before `end` (monotonic); how often."""
    done, last = 0, dict[str, float]()
    while time.monotonic() < end - STOPPED_SECONDS - BETWEEN_SECONDS[1]:
        await asyncio.sleep(choice.uniform(*BETWEEN_SECONDS))
        rested = [
            one
            for one in read_json(roster)["children"]
            if time.monotonic() - last.get(one["name"], 0.0) > REST_SECONDS
        ]
        if not rested:
            continue
        child = choice.choice(rested)
        frozen = choice.random() < 1 / 3
        teller.say(f"{'SIGSTOP' if frozen else 'SIGKILL'} {child['name']}")
        await _strike(child, frozen=frozen)
        last[child["name"]] = time.monotonic()
        done += 1
    return done


async def _strike(child: dict[str, Any], *, frozen: bool) -> None:
    try:
        os.kill(child["pid"], signal.SIGSTOP if frozen else signal.SIGKILL)
        if frozen:
            await asyncio.sleep(STOPPED_SECONDS)
            os.kill(child["pid"], signal.SIGCONT)
    except ProcessLookupError:
        return
