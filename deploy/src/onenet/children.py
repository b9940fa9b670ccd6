"""The processes that a launcher supervises.

They end with it, are restarted when they end by themselves, and are stopped in an order that loses
nothing.
"""

import ctypes
import json
import os
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import psutil

from onenet.failures import ChildFailed, Unusable
from onenet.state import write_json

RESTARTS: Final = 5
WITHIN_SECONDS: Final = 60
LOG_BYTES: Final = 5 * 2**20
TAIL_LINES: Final = 12
PAUSE_SECONDS: Final = 0.1
PR_SET_PDEATHSIG: Final = 1

_LIBC: Final = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


@dataclass
class Child:
    """`gentle` is the signal to stop; the kernel sends `on_death` when the launcher ends."""

    name: str
    command: Sequence[str]
    env: Mapping[str, str]
    log: Path
    user: int | None = None
    group: int | None = None
    gentle: signal.Signals = signal.SIGTERM
    on_death: signal.Signals = signal.SIGKILL
    grace_seconds: float = 12
    # A listening socket that it inherits with the same descriptor.
    handed_down: int | None = None
    popen: "subprocess.Popen[bytes] | None" = None
    starts: deque[float] = field(default_factory=lambda: deque(maxlen=RESTARTS + 1))

    @property
    def pid(self) -> int:
        assert self.popen is not None
        return self.popen.pid

    def start(self) -> None:
        self.starts.append(time.monotonic())
        with self.log.open("ab") as log:
            self.popen = subprocess.Popen(
                list(self.command),
                env=dict(self.env),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                # A new session: Ctrl-C reaches only the launcher, which stops its children.
                start_new_session=True,
                pass_fds=() if self.handed_down is None else (self.handed_down,),
                user=self.user,
                group=self.group,
                extra_groups=[] if self.user is not None else None,
                # Safe after fork: two system calls on a library that is already loaded.
                preexec_fn=_dying_with(os.getpid(), self.on_death),  # noqa: PLW1509
            )

    def is_alive(self) -> bool:
        return self.popen is not None and self.popen.poll() is None

    def ends_too_often(self) -> bool:
        """Whether the last starts were so close together that another one is pointless."""
        full = len(self.starts) > RESTARTS
        return full and time.monotonic() - self.starts[0] < WITHIN_SECONDS

    def ask_to_stop(self) -> None:
        if self.is_alive():
            _signal(self.pid, self.gentle)

    def wait_or_kill(self) -> bool:
        """Wait for its end, then kill it; True when it stopped in time."""
        if self.popen is None:
            return True
        try:
            self.popen.wait(self.grace_seconds)
        except subprocess.TimeoutExpired:
            _signal(self.pid, signal.SIGKILL)
            self.popen.wait()
            return False
        return True

    def tail(self) -> str:
        """The last lines of its log."""
        try:
            lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            return ""
        return "\n".join(line[:400] for line in lines[-TAIL_LINES:])


@dataclass
class Supervisor:
    """All children in order of start; the next start reads the file `roster`."""

    roster: Path
    children: list[Child] = field(default_factory=list)
    notes: dict[str, Any] = field(default_factory=dict)

    def add(self, child: Child) -> Child:
        rotate(child.log)
        self.children.append(child)
        child.start()
        self.write_roster()
        return child

    def replace(self, old: Child, new: Child, is_ready: Callable[[Child], bool]) -> bool:
        """Stop a child once its successor is ready; True when it stopped in time."""
        new.start()
        try:
            while not is_ready(new):
                self.ensure_alive(new)
                time.sleep(PAUSE_SECONDS)
        except BaseException:
            _signal(new.pid, signal.SIGKILL)
            new.wait_or_kill()
            raise
        self.children[self.children.index(old)] = new
        old.ask_to_stop()
        in_time = old.wait_or_kill()
        self.write_roster()
        return in_time

    def note(self, **facts: Any) -> None:
        """Add facts about the platform to the roster, for other commands."""
        self.notes |= facts
        self.write_roster()

    def write_roster(self) -> None:
        alive = [child for child in self.children if child.is_alive()]
        write_json(
            self.roster,
            {
                **self.notes,
                "children": [
                    {"name": child.name, "pid": child.pid, "born": _born(child.pid)}
                    for child in alive
                ],
            },
        )

    def ensure_alive(self, child: Child) -> None:
        if not child.is_alive():
            raise child_failed(child)

    def restart_ended(self, report: Callable[[str], None]) -> None:
        """Restart and report children that ended; raises ChildFailed when one keeps ending."""
        for child in self.children:
            if child.is_alive():
                continue
            code = child.popen.returncode if child.popen else None
            if child.ends_too_often():
                raise child_failed(child)
            report(f"{child.name} ended ({describe_exit(code)}) and is started again.")
            child.start()
            self.write_roster()

    def stop(self) -> list[str]:
        """Stop all children; returns the names of those that had to be killed.

        The services stop together, after the gateway and before the servers they use.
        """
        killed = []
        others = {child.name for child in self.children} - {"gateway", "NATS", "PostgreSQL"}
        for names in ({"gateway"}, others, {"NATS"}, {"PostgreSQL"}):
            group = [child for child in self.children if child.name in names and child.popen]
            for child in group:
                child.ask_to_stop()
            killed += [child.name for child in group if not child.wait_or_kill()]
        self.roster.unlink(missing_ok=True)
        return killed


def child_failed(child: Child) -> ChildFailed:
    code = child.popen.returncode if child.popen else None
    return ChildFailed(
        f"{child.name} does not stay up ({describe_exit(code)}), so everything is stopped; the end"
        f" of {child.log}:\n{child.tail()}"
    )


def describe_exit(code: int | None) -> str:
    if code is None:
        return "not started"
    if code < 0:
        return f"killed by {signal.Signals(-code).name}"
    return f"exit code {code}"


def rotate(log: Path) -> None:
    """Keep at most two logs of limited size per process."""
    log.parent.mkdir(parents=True, exist_ok=True)
    if log.exists() and log.stat().st_size > LOG_BYTES:
        log.replace(log.with_suffix(".log.1"))


def end_leftovers(roster: Path) -> list[str]:
    """End the processes that a killed launcher left behind; returns their names.

    Process ids are reused, so a process counts only if it started when the roster says.
    """
    try:
        entries: list[dict[str, Any]] = json.loads(roster.read_text())["children"]
    except (OSError, ValueError, KeyError, TypeError):
        return []
    left = [(entry["name"], process) for entry in entries if (process := _same(entry))]
    for _, process in reversed(left):
        process.send_signal(signal.SIGINT if process.name() == "postgres" else signal.SIGTERM)
    _, stubborn = psutil.wait_procs([process for _, process in left], timeout=10)
    for process in stubborn:
        process.kill()
    _, immortal = psutil.wait_procs(stubborn, timeout=5)
    if immortal:
        raise Unusable(
            f"Processes of the last start do not end: {[process.pid for process in immortal]}."
        )
    return [name for name, _ in left]


def _same(entry: Mapping[str, Any]) -> psutil.Process | None:
    try:
        process = psutil.Process(int(entry["pid"]))
        alive = process.status() != psutil.STATUS_ZOMBIE
        same = abs(process.create_time() - float(entry["born"])) < 1
    except (psutil.Error, KeyError, ValueError):
        return None
    return process if alive and same else None


def _born(pid: int) -> float:
    try:
        return float(psutil.Process(pid).create_time())
    except psutil.Error:
        return 0.0


def _signal(pid: int, number: int) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


def _dying_with(parent: int, number: int) -> Callable[[], None] | None:
    """Run in the child before its program: ask the kernel for a signal when the launcher ends.

    Only Linux offers this; elsewhere the next start ends left-over processes.
    """
    if _LIBC is None:
        return None
    libc = _LIBC

    def before_exec() -> None:
        libc.prctl(PR_SET_PDEATHSIG, int(number), 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)

    return before_exec
