"""What a row measures with: loaders, processes on chosen cores, servers of its own."""

import asyncio
import contextlib
import json
import os
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

from .frame import Measurement, Round
from .loader import Load, Request
from .platforms import UNLIMITED, Platform, platform_in

PYTHON = sys.executable
CONNECTIONS = 16
START_SECONDS = 60
MANY = 200_000
FEW = 10_000


@dataclass
class Bench:
    """`folder` is scratch; rows clean up what they start, whatever happens.

    `many` is the size of the larger data set of the rows that compare two.
    """

    folder: Path
    rounds: int = 3
    seconds: float = 5.0
    many: int = MANY
    log: list[str] = field(default_factory=list)

    def say(self, text: str) -> None:
        self.log.append(text)
        print(f"  {text}", flush=True)

    async def alternate(self, ours: Measurement, baseline: Measurement) -> list[Round]:
        """Ours, baseline, ours, baseline … so that a slow minute is slow for both."""
        return [Round(await ours(), await baseline()) for _ in range(self.rounds)]

    async def load(
        self,
        base_url: str,
        requests: Sequence[Request],
        *,
        connections: int = CONNECTIONS,
        seconds: float | None = None,
        status: int = 200,
        cpu: int | None = None,
        tolerated: int = 0,
    ) -> Load:
        """Send these requests at random, on so many connections, as fast as they are answered.

        The loader is a process of its own. More than `tolerated` answers of another status, or cut
        connections, end the row.
        """
        path = self.folder / f"requests-{time.monotonic_ns()}.json"
        path.write_text(json.dumps([request.__dict__ for request in requests]))
        command = [PYTHON, "-m", "tests.load.loader", base_url, str(path), f"--status={status}"]
        command += [f"--connections={connections}", f"--seconds={seconds or self.seconds}"]
        result = Load(**json.loads((await self.output(command, cpu=cpu)).splitlines()[-1]))
        if result.errors > tolerated:
            raise RuntimeError(f"{base_url}: {result.errors} errors, the first {result.complaint}")
        return result

    async def output(
        self, argv: Sequence[str], *, cpu: int | None = None, env: Mapping[str, str] | None = None
    ) -> str:
        """What a command prints; it ends with the row, and a failed one fails the row."""
        child = await asyncio.create_subprocess_exec(
            *pinned(argv, cpu),
            env={**os.environ, **(env or {})},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        try:
            printed = (await child.communicate())[0].decode()
        finally:
            if child.returncode is None:
                child.kill()
                await child.wait()
        if child.returncode:
            raise RuntimeError(f"{' '.join(argv)}: {printed[-600:]}")
        return printed

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
                await wait_for_answer(ready, child)
            yield psutil.Process(child.pid)
        except Exception as error:
            if not child.is_alive():
                raise RuntimeError(f"{' '.join(argv)} has ended:\n{child.tail()}") from error
            raise
        finally:
            child.ask_to_stop()
            await asyncio.shield(asyncio.to_thread(child.wait_or_kill))

    def platform(
        self, *, settings: Mapping[str, str] | None = None
    ) -> contextlib.AbstractAsyncContextManager[Platform]:
        """A whole platform of its own with sample data, rate limits out of the way."""
        return platform_in(self.folder, {**UNLIMITED, **(settings or {})})


def uvicorn(app: str, port: int) -> list[str]:
    """The command of a baseline's application, served as the services are."""
    options = ["--no-access-log", "--loop", "uvloop", "--http", "httptools"]
    options += ["--log-level", "critical", "--timeout-keep-alive", "75"]
    return [PYTHON, "-m", "uvicorn", app, "--port", str(port), *options]


def pinned(argv: Sequence[str], cpu: int | None) -> list[str]:
    """The same command on one core, where the machine has as many."""
    if cpu is None or (os.cpu_count() or 1) <= cpu or shutil.which("taskset") is None:
        return list(argv)
    return ["taskset", "-c", str(cpu), *argv]


async def wait_for_answer(url: str, child: Child) -> None:
    """Wait until the address answers with a status below 500."""
    end = time.monotonic() + START_SECONDS
    async with httpx.AsyncClient(timeout=2) as http:
        while True:
            with contextlib.suppress(httpx.HTTPError):
                if (await http.get(url)).status_code < 500:
                    return
            if time.monotonic() > end or not child.is_alive():
                raise RuntimeError(f"{url} does not answer:\n{child.tail()}")
            await asyncio.sleep(0.1)


def cpu_seconds(process: psutil.Process) -> float:
    """User and system time of the process so far."""
    times = process.cpu_times()
    return float(times.user + times.system)


def free_port() -> int:
    return free_ports(1)[0]


@contextlib.contextmanager
def scratch() -> Iterator[Path]:
    """Under /var/tmp, where also a database's own system user can reach it."""
    with tempfile.TemporaryDirectory(prefix="onenet-bench-", dir="/var/tmp") as folder:
        Path(folder).chmod(0o711)
        yield Path(folder)
