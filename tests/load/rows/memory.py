"""Row 15: what the whole platform holds when nobody asks anything."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import Sequence

import psutil

from onenet.client import Network

from ..bench import Bench
from ..frame import Outcome, Row, figure_outcome
from ..platforms import Platform
from ..promises import MEMORY

# After the sample data: connections, caches and freed memory have come to rest.
REST_SECONDS = 20
MEGABYTE = 1_000_000


async def idle(bench: Bench) -> Sequence[Outcome]:
    """Shared pages are counted in parts (PSS), so that the sum is what the machine lacks."""
    async with bench.platform() as platform:
        await asyncio.to_thread(_touch, platform)
        values = []
        for _ in range(bench.rounds):
            await asyncio.sleep(REST_SECONDS / bench.rounds)
            held = megabytes(platform)
            values.append(sum(held.values()) / 1000)
        parts = ", ".join(f"{name} {value:.0f}" for name, value in held.most_common())
    return [figure_outcome(MEMORY, values, unit="GB", notes=f"PSS in MB: {parts}")]


def megabytes(platform: Platform) -> Counter[str]:
    held: Counter[str] = Counter()
    for name, process in platform.processes():
        with contextlib.suppress(psutil.NoSuchProcess):
            held[name] += process.memory_full_info().pss / MEGABYTE
    return held


def _touch(platform: Platform) -> None:
    """Every service has answered once, so nothing is counted as idle that was never loaded."""
    public = Network.at(platform.base_url)
    for path in ("/api/v1/items", "/api/v1/orgs/regions", "/openapi.json"):
        public.get(path)


ROWS = (Row("idle memory", [MEMORY], idle, seconds=90, fixed=True),)
