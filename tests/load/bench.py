"""What a row measures with: loaders, processes on chosen cores, servers of its own."""

import asyncio
import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import psutil

from onenet.children import Child
from onenet.ports import free_ports

from .frame import Figure, Load, Round
from .platforms import UNLIMITED, Platform, platform_in
from .servers import Server, bus, server

START_SECONDS = 30
_WRK = {"us": 0.001, "ms": 1.0, "s": 1000.0, "m": 60_000.0}


@dataclass
class Bench:
    """`folder` is scratch; rows clean up what they start, whatever happens."""

    folder: Path
    rounds: int = 3
    seconds: float = 5.0
    said: list[str] = field(default_factory=list)

    def say(self, text: str) -> None:
        self.said.append(text)
        print(f"  {text}", flush=True)

    async def alternate(self, ours: Figure, baseline: Figure) -> list[Round]:
        """Ours, baseline, ours, baseline … so that a slow minute is slow for both."""
        return [Round(await ours(), await baseline()) for _ in range(self.rounds)]

    async def load(
        self,
        url: str,
        *,
        connections: int = 16,
        seconds: float | None = None,
        headers: Mapping[str, str] | None = None,
        cpu: int | None = None,
        script: str | None = None,
    ) -> Load:
        """Ask for `url` as fast as it answers: with wrk (one thread), else with our own loader."""
        lasting = seconds or self.seconds
        if shutil.which("wrk") is None and script is None:
            command = [PYTHON, "-m", "tests.load.loader", f"--connections={connections}"]
            command += [f"--seconds={lasting}"]
            command += [f"--header={name}: {value}" for name, value in (headers or {}).items()]
            return Load(**json.loads((await self._output([*command, url], cpu)).splitlines()[-1]))
        command = ["wrk", "-t1", f"-c{connections}", f"-d{lasting:.0f}s", "--latency"]
        for name, value in (headers or {}).items():
            command += ["-H", f"{name}: {value}"]
        if script is not None:
            path = self.folder / f"wrk-{time.monotonic_ns()}.lua"
            path.write_text(script)
            command += ["-s", str(path)]
        return wrk_result(await self._output([*command, url], cpu))

    async def _output(self, argv: Sequence[str], cpu: int | None) -> str:
        done = await asyncio.create_subprocess_exec(
            *pinned(argv, cpu), stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        try:
            return (await done.communicate())[0].decode()
        finally:
            if done.returncode is None:
                done.kill()
                await done.wait()

    @contextlib.asynccontextmanager
    async def process(
        self,
        argv: Sequence[str],
        *,
        cpu: int | None = None,
        env: Mapping[str, str] | None = None,
        ready: str | None = None,
    ) -> AsyncIterator[psutil.Process]:
        """A process for the length of the block; `ready` is an address that must answer first."""
        child = Child(
            name=Path(argv[0]).name,
            command=pinned(argv, cpu),
            env={**os.environ, **(env or {})},
            log=self.folder / f"process-{time.monotonic_ns()}.log",
        )
        child.start()
        try:
            if ready is not None:
                await answers(ready, child)
            yield psutil.Process(child.pid)
        finally:
            child.ask_to_stop()
            await asyncio.to_thread(child.wait_or_kill)

    def platform(
        self, *, settings: Mapping[str, str] | None = None, split: bool = False
    ) -> contextlib.AbstractAsyncContextManager[Platform]:
        """A whole platform of its own with sample data, rate limits out of the way."""
        return platform_in(self.folder, {**UNLIMITED, **(settings or {})}, split=split)

    def postgres(self) -> contextlib.AbstractAsyncContextManager[Server]:
        """A PostgreSQL server of its own, as durable and as large as the platform's."""
        return server()

    def nats(self) -> contextlib.AbstractAsyncContextManager[str]:
        """A NATS server of its own with JetStream."""
        return bus()


def pinned(argv: Sequence[str], cpu: int | None) -> list[str]:
    """The same command on one core, where the machine has as many."""
    if cpu is None or (os.cpu_count() or 1) <= cpu or shutil.which("taskset") is None:
        return list(argv)
    return ["taskset", "-c", str(cpu), *argv]


async def answers(url: str, child: Child | None = None) -> None:
    """Wait until the address answers anything."""
    end = time.monotonic() + START_SECONDS
    async with httpx.AsyncClient(timeout=2, verify=False) as http:
        while True:
            with contextlib.suppress(httpx.HTTPError):
                if (await http.get(url)).status_code < 500:
                    return
            if time.monotonic() > end or (child is not None and not child.is_alive()):
                raise RuntimeError(f"{url} does not answer {child.tail() if child else ''}")
            await asyncio.sleep(0.1)


def wrk_result(text: str) -> Load:
    """What wrk prints, read."""

    def found(pattern: str) -> str | None:
        match = re.search(pattern, text)
        return match[1] if match else None

    def milliseconds(percent: str) -> float:
        value = found(rf"{percent}%\s+([\d.]+\w+)")
        if value is None:
            return float("nan")
        number, unit = re.fullmatch(r"([\d.]+)(\w+)", value).groups()  # type: ignore[union-attr]
        return float(number) * _WRK[unit]

    rate = found(r"Requests/sec:\s+([\d.]+)")
    if rate is None:
        raise RuntimeError(f"wrk said: {text[-400:]}")
    bad = int(found(r"Non-2xx or 3xx responses: (\d+)") or 0)
    socket = re.search(
        r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", text
    )
    bad += sum(map(int, socket.groups())) if socket else 0
    return Load(float(rate), milliseconds("50"), milliseconds("99"), bad, "wrk")


def cpu_seconds(process: psutil.Process) -> float:
    """User and system time of the process so far."""
    times = process.cpu_times()
    return float(times.user + times.system)


def port() -> int:
    return free_ports(1)[0]


PYTHON = sys.executable


@contextlib.contextmanager
def scratch() -> Iterator[Path]:
    """Under /var/tmp, where also a database's own system user can reach it."""
    with tempfile.TemporaryDirectory(prefix="onenet-bench-", dir="/var/tmp") as folder:
        Path(folder).chmod(0o711)
        yield Path(folder)
