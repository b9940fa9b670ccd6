"""The state of a folder's platform.

`.onenet/` of the current folder contains what people read: samples.json, logs, location, lock.
The data (database, bus, files, secrets) is there too, or in the folder that `location` names when
`.onenet/` cannot hold a database.
"""

import errno
import fcntl
import hashlib
import json
import os
import shutil
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from onenet.failures import AlreadyRunning, DiskFull, Unusable

FIRST_START_BYTES = 600 * 2**20
LATER_START_BYTES = 120 * 2**20
ELSEWHERE = Path("/var/tmp")  # noqa: S108 - a folder of our own is made in it and checked

Report = Callable[[str], None]


@dataclass(frozen=True)
class Home:
    """`folder` is `.onenet`; `place` contains the data."""

    folder: Path
    place: Path

    @property
    def samples(self) -> Path:
        return self.folder / "samples.json"

    @property
    def running(self) -> Path:
        return self.folder / "running.json"

    @property
    def secrets(self) -> Path:
        return self.place / "secrets.json"

    @property
    def stages(self) -> Path:
        return self.place / "stages.json"

    def log(self, name: str) -> Path:
        return self.folder / "logs" / f"{name}.log"


def known_home(folder: Path) -> Home:
    """The home as an earlier start left it; creates nothing."""
    folder = folder.absolute()
    location = folder / "location"
    place = Path(location.read_text().strip()) if location.exists() else folder
    return Home(folder, place)


def open_home(folder: Path, can_hold: Callable[[Path], bool], report: Report) -> Home:
    """The home, created if it is missing; `can_hold` says whether a folder can hold a database."""
    folder = folder.absolute()
    try:
        (folder / "logs").mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _unwritable(folder, error) from error
    location = folder / "location"
    if location.exists():
        return Home(folder, _named_place(folder, location, report))
    # Existing data stays in the folder.
    if (folder / "secrets.json").exists() or can_hold(folder):
        return Home(folder, folder)
    place = _own_folder(elsewhere(folder))
    if not can_hold(place):
        raise Unusable(
            f"Neither {folder} nor {place} can hold a database (owner, mode or file system):"
            " run from another folder, or name a database with ONENET_DATABASE_URL."
        )
    write(location, f"{place}\n")
    report(f"{folder} cannot hold a database, so the data is in {place}.")
    return Home(folder, place)


def elsewhere(folder: Path) -> Path:
    """One place per `.onenet` folder, always the same."""
    return ELSEWHERE / f"onenet-{hashlib.sha256(str(folder).encode()).hexdigest()[:12]}"


def _named_place(folder: Path, location: Path, report: Report) -> Path:
    place = Path(location.read_text().strip())
    if not place.is_absolute():
        raise Unusable(
            f"{location} does not name a folder: `make reset` forgets the data and makes a new one."
        )
    if not place.exists():
        report(f"The data folder {place} is missing, so the platform starts anew in it.")
        (folder / "samples.json").unlink(missing_ok=True)
    return _own_folder(place)


def _own_folder(place: Path) -> Path:
    """Create the folder; under a public folder it must be ours, not one that somebody prepared."""
    try:
        place.mkdir(mode=0o711, parents=True, exist_ok=True)
        status = place.lstat()
    except OSError as error:
        raise _unwritable(place, error) from error
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid():
        raise Unusable(f"{place} belongs to somebody else: remove it, or run from another folder.")
    place.chmod(0o711)
    return place


def _unwritable(folder: Path, error: OSError) -> Unusable:
    if error.errno == errno.ENOSPC:
        return Unusable(f"The disk is full: {folder} could not be made; free some space.")
    return Unusable(
        f"{folder} cannot be written ({error.strerror}): run from a folder of your own."
    )


def ensure_space(home: Home) -> None:
    needed = LATER_START_BYTES if home.samples.exists() else FIRST_START_BYTES
    free = shutil.disk_usage(home.place).free
    if free < needed:
        raise DiskFull(home.place, free, needed)


@contextmanager
def only_one(folder: Path) -> Iterator[Callable[[str], None]]:
    """Hold the folder's lock; yields a function that writes the holder into it.

    The lock is released when the process ends, in whatever way.
    """
    path = folder.absolute() / "lock"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = path.open("a+")
    except OSError as error:
        raise _unwritable(path.parent, error) from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.seek(0)
            raise AlreadyRunning(lock.read().strip() or "just starting") from None

        def sign(who: str) -> None:
            lock.seek(0)
            lock.truncate()
            lock.write(who)
            lock.flush()

        sign(f"process {os.getpid()}")
        yield sign
        sign("")


def write(path: Path, text: str, *, mode: int = 0o600) -> None:
    """Write the file atomically, even if the machine stops."""
    new = path.with_name(path.name + ".new")
    handle = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)


def read_json(path: Path) -> Any:
    """None when there is no file; raises Unusable when it is damaged."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except ValueError:
        raise Unusable(
            f"{path} is damaged: put it back from a copy, or forget all data with `make reset`."
        ) from None


def write_json(path: Path, value: object) -> None:
    write(path, json.dumps(value, ensure_ascii=False, indent=1) + "\n")


@dataclass(frozen=True)
class Stages:
    """Finished stages of the first start, so that an interrupted one can continue."""

    path: Path

    def done(self, stage: str) -> bool:
        return stage in (read_json(self.path) or [])

    def mark(self, stage: str) -> None:
        finished = read_json(self.path) or []
        if stage not in finished:
            write_json(self.path, [*finished, stage])


def forget(folder: Path) -> list[Path]:
    """Remove all data and return the removed folders; raises AlreadyRunning while it runs."""
    folder = folder.absolute()
    if not folder.exists():
        return []
    with only_one(folder):
        home = known_home(folder)
        folders = [path for path in dict.fromkeys((home.place, folder)) if path.exists()]
        if home.place != folder and home.place != elsewhere(folder):
            raise Unusable(
                f"{folder / 'location'} names {home.place}, which no start has chosen:"
                " remove that folder and the location file yourself."
            )
        for path in folders:
            shutil.rmtree(path)
    return folders
