"""A whole platform of one's own for a measurement, and what its processes hold and use."""

import asyncio
import contextlib
import os
import sys
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from signal import SIGTERM
from typing import Any

import psutil

from onenet.children import Child
from onenet.endpoints import Endpoints, endpoints_of
from onenet.ports import free_ports
from onenet.state import forget, known_home, read_json
from onenet.targets import samples_of

START_SECONDS = 240
KINDS = ("READ", "WRITE", "ENTRY", "PROGRESS")
# Work is measured, not limits: every request is still counted, none is refused for its rate.
# Each client has an address of its own in X-Forwarded-For, as behind an operator's load balancer.
UNLIMITED = {
    **{f"ONENET_{kind}_RATE": "1000000" for kind in KINDS},
    **{f"ONENET_{kind}_BURST": "1000000" for kind in KINDS},
    "ONENET_TRUSTED_PROXIES": "127.0.0.0/8",
}


@dataclass(frozen=True)
class Platform:
    """`launcher` is the process above all others."""

    base_url: str
    state: Path
    samples: Mapping[str, Any]
    places: Endpoints
    launcher: psutil.Process

    def processes(self) -> Iterator[tuple[str, psutil.Process]]:
        """Every process with the name of the part it belongs to."""
        yield "launcher", self.launcher
        roster = read_json(known_home(self.state).running) or {"children": []}
        for child in roster["children"]:
            with contextlib.suppress(psutil.NoSuchProcess):
                top = psutil.Process(child["pid"])
                yield child["name"], top
                for below in top.children(recursive=True):
                    yield child["name"], below

    def cpu_seconds(self) -> dict[str, float]:
        """User and system time so far, by part."""
        spent: dict[str, float] = {}
        for name, process in self.processes():
            with contextlib.suppress(psutil.Error):
                times = process.cpu_times()
                spent[name] = spent.get(name, 0.0) + times.user + times.system
        return spent


@contextlib.asynccontextmanager
async def platform_in(folder: Path, settings: Mapping[str, str]) -> AsyncIterator[Platform]:
    """Started by `onenet run` with its sample data; stopped whatever happens, also to us."""
    state = folder / f"platform-{time.monotonic_ns()}" / ".onenet"
    state.mkdir(parents=True)
    state.parent.chmod(0o711)
    inherited = {
        name: value for name, value in os.environ.items() if not name.startswith("ONENET_")
    }
    options = ["run", "--port", str(free_ports(1)[0]), "--state", str(state)]
    launcher = Child(
        name="launcher",
        command=[sys.executable, "-m", "onenet", *options],
        env={**inherited, **settings},
        log=state.parent / "launcher.log",
        on_death=SIGTERM,
        grace_seconds=60,
    )
    launcher.start()
    try:
        base_url = await _ready(launcher, state)
        yield Platform(
            base_url=base_url,
            state=state,
            samples=samples_of(known_home(state).samples),
            places=endpoints_of(state),
            launcher=psutil.Process(launcher.pid),
        )
    finally:
        launcher.ask_to_stop()
        await asyncio.shield(asyncio.to_thread(launcher.wait_or_kill))
        forget(state)


async def _ready(launcher: Child, state: Path) -> str:
    deadline = time.monotonic() + START_SECONDS
    while launcher.is_alive() and time.monotonic() < deadline:
        running = read_json(known_home(state).running)
        if running and running.get("ready"):
            return str(running["base_url"])
        await asyncio.sleep(0.2)
    raise RuntimeError(f"The platform did not start; the end of its output:\n{launcher.tail()}")
