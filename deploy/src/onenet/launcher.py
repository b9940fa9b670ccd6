"""`onenet run`: the whole platform of a folder, until Ctrl-C."""

import os
import shutil
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Final

import httpx

from onenet import databases, nats_server, postgres
from onenet.children import Child, Supervisor, end_leftovers
from onenet.console import Reporter
from onenet.failures import ChildFailed, Refusal, Unusable
from onenet.ports import ensure_free, free_ports, listening
from onenet.samples import files
from onenet.samples.loading import Interrupted, Load, load_samples
from onenet.secret_keys import open_secrets
from onenet.services import (
    GATEWAY,
    SERVICES,
    Layout,
    create_admin,
    migrate,
    processes,
    replaceable_child,
    service_child,
)
from onenet.start_message import start_message
from onenet.state import Home, Stages, ensure_space, known_home, only_one, open_home

READY_SECONDS: Final = 90
TURN_SECONDS: Final = 0.3
LITTLE_SPACE: Final = 32 * 2**20


@dataclass(frozen=True)
class Options:
    """The options of `onenet run`; a URL that is None means: start that server here."""

    port: int
    state: Path
    database_url: str | None = None
    nats_url: str | None = None
    files_url: str | None = None
    samples: bool = True
    split: bool = False
    # The launcher owns the listening sockets, so that successors can take them over.
    replaceable: bool = False


class Stop(BaseException):
    """The launcher was asked to stop."""


@dataclass
class StopSignal:
    """Raises Stop in the main thread on the first signal.

    Later signals are ignored: a second Ctrl-C must not leave processes behind.
    """

    received: threading.Event = field(default_factory=threading.Event)

    def __call__(self, _number: int, _frame: FrameType | None) -> None:
        if not self.received.is_set():
            self.received.set()
            raise Stop

    def listen(self) -> None:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self)


def run(options: Options, reporter: Reporter) -> None:
    """Start everything, wait for the signal to stop, stop everything."""
    stop_signal = StopSignal()
    stop_signal.listen()
    try:
        with only_one(options.state) as sign, _explaining_full_disk(options.state):
            sign(f"process {os.getpid()}, http://127.0.0.1:{options.port}")
            _run_alone(options, reporter, stop_signal)
    except Stop:
        reporter.say("Stopped before it had begun.")


def _run_alone(options: Options, reporter: Reporter, stop_signal: StopSignal) -> None:
    started = time.monotonic()
    _clear_up(known_home(options.state).running, reporter)
    ensure_free(options.port)
    owner = None if options.database_url else postgres.server_owner()
    home = open_home(
        options.state,
        lambda place: bool(options.database_url) or postgres.can_hold(place, owner),
        reporter.say,
    )
    ensure_space(home)
    supervisor = Supervisor(home.running)
    try:
        layout = _start_all(options, home, owner, supervisor, reporter)
        if options.samples:
            _load(layout, supervisor, reporter, stop_signal)
        supervisor.note(ready=True)
        reporter.console.print(start_message(layout, time.monotonic() - started))
        while True:
            supervisor.restart_ended(reporter.say)
            time.sleep(TURN_SECONDS)
    except Stop:
        reporter.say("Stopping …")
    finally:
        stop_signal.received.set()
        killed = supervisor.stop()
        if killed:
            reporter.say(f"{', '.join(killed)} did not stop in time and had to be killed.")
        reporter.say(
            "Everything is stopped; the data stays for the next start (make reset deletes it)."
        )


@contextmanager
def platform_in_process(
    options: Options, reporter: Reporter
) -> Iterator[tuple[Layout, Supervisor]]:
    """A platform whose child processes the caller supervises."""
    home = open_home(
        options.state, lambda place: postgres.can_hold(place, postgres.server_owner()), reporter.say
    )
    supervisor = Supervisor(home.running)
    try:
        layout = _start_all(options, home, postgres.server_owner(), supervisor, reporter)
        _load(layout, supervisor, reporter, StopSignal())
        supervisor.note(ready=True)
        yield layout, supervisor
    finally:
        supervisor.stop()


def _clear_up(roster: Path, reporter: Reporter) -> None:
    if not roster.exists():
        return
    left = end_leftovers(roster)
    ended = f" and {', '.join(left)} still ran, which is ended now" if left else ""
    reporter.say(f"The last run did not stop as it should{ended}; this start recovers its data.")
    roster.unlink(missing_ok=True)


def _start_all(
    options: Options,
    home: Home,
    owner: postgres.Owner | None,
    supervisor: Supervisor,
    reporter: Reporter,
) -> Layout:
    secrets = open_secrets(home, SERVICES)
    nats_url = options.nats_url or ""
    with reporter.step("NATS and PostgreSQL"):
        if not options.nats_url:
            nats_url = nats_server.start(home, supervisor, secrets.nats)
        database_url = options.database_url or _start_postgres(
            home, supervisor, secrets.postgres, owner, reporter
        )
        addresses = databases.make_databases(database_url, SERVICES, secrets.roles)
    names = processes(split=options.split)
    ports = dict(zip(names, free_ports(len(names)), strict=True)) | {GATEWAY: options.port}
    shared = {name: listening() for name in (*SERVICES, GATEWAY) if options.replaceable}
    ports |= {name: listener.getsockname()[1] for name, listener in shared.items()}
    layout = Layout(
        home=home,
        secrets=secrets,
        port=ports[GATEWAY],
        ports=ports,
        databases=addresses,
        nats_url=nats_url,
        files_url=options.files_url or f"file://{home.place / 'files'}",
        split=options.split,
        sockets=shared,
    )
    supervisor.note(
        base_url=layout.base_url,
        database_url=database_url,
        nats_url=nats_url,
        addresses={name: layout.address(name) for name in ports},
    )
    with reporter.step("Database revisions"):
        migrate(layout, always=bool(options.database_url))
    _start_services(layout, supervisor, reporter)
    return layout


def _start_postgres(
    home: Home,
    supervisor: Supervisor,
    password: str,
    owner: postgres.Owner | None,
    reporter: Reporter,
) -> str:
    server = postgres.prepare(home, password, owner, reporter.say)
    child = supervisor.add(server.child(home.log("postgres")))
    databases.wait_until_ready(server.url, still_there=lambda: supervisor.ensure_alive(child))
    return server.url


def _start_services(layout: Layout, supervisor: Supervisor, reporter: Reporter) -> None:
    children = {}
    for name in layout.ports:
        child = service_child(layout, name)
        if layout.sockets:
            own = free_ports(1)[0] if name in layout.sockets else layout.ports[name]
            child = replaceable_child(layout, name, own)
        children[name] = supervisor.add(child)
    waiting = dict(children)
    reasons: dict[str, str] = {}
    deadline = time.monotonic() + READY_SECONDS
    with reporter.bar("Services", len(children)) as bar, httpx.Client(timeout=5) as http:
        while waiting:
            for name, child in list(waiting.items()):
                reasons[name] = _unready(http, layout, supervisor, child)
                if not reasons[name]:
                    del waiting[name]
                    bar.advance()
            if time.monotonic() > deadline:
                missing = "; ".join(f"{name}: {reasons[name]}" for name in waiting)
                raise ChildFailed(f"Not ready after {READY_SECONDS} seconds: {missing}.")
            time.sleep(0.1)


def _unready(http: httpx.Client, layout: Layout, supervisor: Supervisor, child: Child) -> str:
    """Why the service is not ready; empty once it is."""
    supervisor.ensure_alive(child)
    try:
        answer = http.get(f"{layout.address(child.name)}/readyz")
    except httpx.HTTPError as error:
        return f"does not answer ({type(error).__name__})"
    return "" if answer.is_success else answer.text[:400]


def _load(
    layout: Layout, supervisor: Supervisor, reporter: Reporter, stop_signal: StopSignal
) -> None:
    """Load the sample data while the children are supervised."""
    if layout.home.samples.exists():
        return
    stages = Stages(layout.home.stages)
    admin = files.people()["platform_admin"]
    if not stages.done("administrator"):
        password = layout.secrets.sample_password(admin["username"])
        create_admin(layout, admin["username"], admin["region_code"], password)
        stages.mark("administrator")
    elif stages.done("regions"):
        reporter.say("The sample data of an interrupted start is completed.")
    load = Load(layout.home, layout.base_url, layout.secrets, reporter, stop_signal.received)
    failure = _beside(
        lambda: load_samples(load, layout), lambda: supervisor.restart_ended(reporter.say)
    )
    if isinstance(failure, Refusal):
        raise Unusable(f"The sample data could not be loaded. {failure}")
    if failure is not None and not isinstance(failure, Interrupted):
        raise failure


def _beside(work: Callable[[], None], watch: Callable[[], None]) -> BaseException | None:
    """Do the work in a thread while the main thread watches; returns the failure of the work."""
    failures: list[BaseException] = []

    def guarded() -> None:
        try:
            work()
        except BaseException as error:  # noqa: BLE001 - passed to the main thread
            failures.append(error)

    thread = threading.Thread(target=guarded, daemon=True)
    thread.start()
    while thread.is_alive():
        watch()
        thread.join(TURN_SECONDS)
    return failures[0] if failures else None


@contextmanager
def _explaining_full_disk(folder: Path) -> Iterator[None]:
    """Explain failures that come from a full disk, which child processes report in many ways."""
    try:
        yield
    except (OSError, Refusal) as error:
        full = isinstance(error, OSError) and error.errno == 28  # noqa: PLR2004 - ENOSPC
        if full or shutil.disk_usage(folder).free < LITTLE_SPACE:
            raise Unusable(
                f"The disk that holds {folder} is full: free some space and start again;"
                f" what was committed is kept. ({error})"
            ) from error
        raise
