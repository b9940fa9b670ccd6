"""Where the platform of a folder keeps what it must not forget.

`.onenet/` of the current folder holds what people look at: samples.json, logs, location, lock.
The data (database, bus, files, secrets) lies there too, or in the folder that `location` names
when `.onenet/` cannot hold a database.
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
    """`folder` is `.onenet`; `place` holds the data."""

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
    """The home as an earlier start left it, without making anything."""
    folder = folder.absolute()
    location = folder / "location"
    place = Path(location.read_text().strip()) if location.exists() else folder
    return Home(folder, place)


def open_home(folder: Path, can_hold: Callable[[Path], bool], tell: Report) -> Home:
    """The home, made where it is missing; `can_hold` says whether a folder can hold a database."""
    folder = folder.absolute()
    try:
        (folder / "logs").mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _unwritable(folder, error) from error
    location = folder / "location"
    if location.exists():
        return Home(folder, _named_place(folder, location, tell))
    # Data that lies here already stays here.
    if (folder / "secrets.json").exists() or can_hold(folder):
        return Home(folder, folder)
    place = _own_folder(elsewhere(folder))
    if not can_hold(place):
        raise Unusable(
            f"Neither {folder} nor {place} can hold a database (owner, mode or file system):"
            " run from another folder, or name a database with ONENET_DATABASE_URL."
        )
    write(location, f"{place}\n")
    tell(f"{folder} cannot hold a database, so the data lies in {place}.")
    return Home(folder, place)


def elsewhere(folder: Path) -> Path:
    """One place per `.onenet` folder, always the same."""
    return ELSEWHERE / f"onenet-{hashlib.sha256(str(folder).encode()).hexdigest()[:12]}"


def _named_place(folder: Path, location: Path, tell: Report) -> Path:
    place = Path(location.read_text().strip())
    if not place.is_absolute():
        raise Unusable(
            f"{location} does not name a folder: `make reset` forgets the data and makes a new one."
        )
    if not place.exists():
        tell(f"The data folder {place} is gone, so the platform starts anew in it.")
        (folder / "samples.json").unlink(missing_ok=True)
    return _own_folder(place)


def _own_folder(place: Path) -> Path:
    """A folder under a public one must be ours: anybody could have put it there."""
    try:
        place.mkdir(mode=0o711, parents=True, exist_ok=True)
        found = place.lstat()
    except OSError as error:
        raise _unwritable(place, error) from error
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
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
    """Hold the folder's lock; yields a function that writes who holds it.

    The lock goes with the process, however it ends.
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
    """All of it or nothing, whenever the machine stops."""
    new = path.with_name(path.name + ".new")
    handle = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)


def read_json(path: Path) -> Any:
    """None when there is no file; Unusable when it is not what a start has written."""
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
    """What of the first start is done, so that an interrupted one is taken up again."""

    path: Path

    def done(self, stage: str) -> bool:
        return stage in (read_json(self.path) or [])

    def mark(self, stage: str) -> None:
        finished = read_json(self.path) or []
        if stage not in finished:
            write_json(self.path, [*finished, stage])


def forget(folder: Path) -> list[Path]:
    """Remove all of it, wherever it lies; the folders that went. Refuses while it runs."""
    folder = folder.absolute()
    if not folder.exists():
        return []
    with only_one(folder):
        home = known_home(folder)
        going = [one for one in dict.fromkeys((home.place, folder)) if one.exists()]
        if home.place != folder and home.place != elsewhere(folder):
            raise Unusable(
                f"{folder / 'location'} names {home.place}, which no start has chosen:"
                " remove that folder and the location file yourself."
            )
        for one in going:
            shutil.rmtree(one)
    return going
