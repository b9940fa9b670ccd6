"""What a row measures with: loaders, processes on chosen cores, servers of its own."""

import asyncio
import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import psutil

from onenet.ports import free_ports

from .frame import Figure, Load, Round

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
        """Ask for `url` as fast as it answers: with wrk (one thread), which must be installed."""
        command = [
            "wrk",
            "-t1",
            f"-c{connections}",
            f"-d{seconds or self.seconds:.0f}s",
            "--latency",
        ]
        for name, value in (headers or {}).items():
            command += ["-H", f"{name}: {value}"]
        if script is not None:
            path = self.folder / f"wrk-{abs(hash(script))}.lua"
            path.write_text(script)
            command += ["-s", str(path)]
        done = await asyncio.create_subprocess_exec(
            *pinned([*command, url], cpu), stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        text = (await done.communicate())[0].decode()
        return wrk_result(text)

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
        log = (self.folder / f"process-{time.monotonic_ns()}.log").open("wb")
        child = subprocess.Popen(
            pinned(argv, cpu), env={**os.environ, **(env or {})}, stdout=log, stderr=log
        )
        try:
            if ready is not None:
                await answers(ready, child)
            yield psutil.Process(child.pid)
        finally:
            child.send_signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                await asyncio.to_thread(child.wait, 10)
            child.kill()
            child.wait()
            log.close()


def pinned(argv: Sequence[str], cpu: int | None) -> list[str]:
    """The same command on one core, where the machine has as many."""
    if cpu is None or (os.cpu_count() or 1) <= cpu or shutil.which("taskset") is None:
        return list(argv)
    return ["taskset", "-c", str(cpu), *argv]


async def answers(url: str, child: "subprocess.Popen[bytes] | None" = None) -> None:
    """Wait until the address answers anything."""
    end = time.monotonic() + START_SECONDS
    async with httpx.AsyncClient(timeout=2, verify=False) as http:
        while True:
            with contextlib.suppress(httpx.HTTPError):
                if (await http.get(url)).status_code < 500:
                    return
            if time.monotonic() > end or (child is not None and child.poll() is not None):
                raise RuntimeError(f"{url} does not answer")
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
