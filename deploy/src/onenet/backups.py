"""`onenet backup` and `onenet restore`: all databases at one moment, and their files.

All databases of a local platform are in one PostgreSQL server, so its physical copy shows all of
them at the same moment: no certificate is without its decision. The bus is not copied, because
relays publish events again from their rows and consumers skip those they have received. Nor are
the secrets: without them a stolen backup cannot be read.
"""

import hashlib
import os
import shutil
import subprocess
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from chassis.clock import now
from onenet import postgres
from onenet.console import Reporter
from onenet.failures import ChildFailed, Refusal, Unusable
from onenet.state import Home, known_home, only_one, open_home, read_json, write_json

DATABASES: Final = "databases.tar"
FILES: Final = "files.tar"
# Small files of the launcher, so that a restored platform does not load its samples again.
NOTES: Final = ("samples.json", "stages.json", "migrated.json")
CHUNK: Final = 1 << 20


def backup(reporter: Reporter, state: Path, into: Path) -> None:
    """Copy the running platform of `state` into a new folder; nothing has to stop for it."""
    home = known_home(state)
    running = read_json(home.running)
    if running is None:
        raise Refusal(f"No platform runs in {state}: start it with `make run`, then back it up.")
    if not (home.place / "pg").is_dir():
        raise Refusal(
            "This platform's database runs elsewhere: back it up with that server's own means"
            " (pg_basebackup, or the operator's), see docs/operations.md."
        )
    if into.exists():
        raise Refusal(f"{into} is there already: name a new folder for each backup.")
    new = into.with_name(into.name + ".new")
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir(mode=0o700, parents=True)
    with reporter.step("Databases"):
        copy_databases(home, running["database_url"], new / DATABASES)
    # After the databases: a file is stored before its row, so every row's file is there.
    with reporter.step("Files"), tarfile.open(new / FILES, "x") as archive:
        if (home.place / "files").is_dir():
            archive.add(home.place / "files", arcname="files")
    members = [DATABASES, FILES, *copy_notes(home, new)]
    manifest = {
        "made_at": now().isoformat(),
        "secrets": _digest(home.secrets),
        "members": {name: _digest(new / name) for name in members},
    }
    write_json(new / "manifest.json", manifest)
    new.rename(into)
    size = sum(member.stat().st_size for member in into.iterdir())
    reporter.say(
        f"Backup: {into}, {size / 2**20:.0f} MiB. It cannot be opened without"
        f" {home.secrets}: keep a copy of that elsewhere."
    )


def copy_databases(home: Home, url: str, into: Path) -> None:
    server = postgres.binaries(home.place, postgres.server_owner())
    with into.open("xb") as output:
        done = subprocess.run(
            [
                *(str(server / "pg_basebackup"), "--dbname", url, "--pgdata", "-"),
                *("--format", "tar", "--wal-method", "fetch", "--checkpoint", "fast"),
            ],
            stdout=output,
            stderr=subprocess.PIPE,
            env={"PATH": os.defpath, "LC_ALL": "C.UTF-8"},
            check=False,
        )
    if done.returncode:
        raise ChildFailed(f"The databases could not be copied: {done.stderr.decode()[-400:]}")


def copy_notes(home: Home, new: Path) -> list[str]:
    paths = {name: home.place / name for name in NOTES} | {"samples.json": home.samples}
    present = {name: path for name, path in paths.items() if path.exists()}
    for name, path in present.items():
        shutil.copy2(path, new / name)
    return list(present)


def _digest(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


@dataclass(frozen=True)
class Copy:
    """A backup whose members have the digests of its manifest."""

    folder: Path
    manifest: Mapping[str, Any]


def open_copy(folder: Path) -> Copy:
    manifest = read_json(folder / "manifest.json")
    if manifest is None:
        raise Unusable(f"{folder} is no finished backup: it has no manifest.json.")
    damaged = [
        name
        for name, digest in manifest["members"].items()
        if not (folder / name).is_file() or _digest(folder / name) != digest
    ]
    if damaged:
        raise Unusable(f"The backup {folder} is damaged ({', '.join(damaged)}): take another.")
    return Copy(folder, manifest)


def restore(reporter: Reporter, state: Path, folder: Path, secrets: Path | None) -> None:
    """Put a backup into a state folder that has no data; `make run` starts it."""
    with reporter.step("Checking the backup"):
        copy = open_copy(folder)
    owner = postgres.server_owner()
    with only_one(state):
        home = open_home(state, lambda place: postgres.can_hold(place, owner), reporter.say)
        if (home.place / "pg").exists():
            raise Refusal(
                f"{state} has data already: forget it with `make reset`, or restore into another"
                " folder with --state."
            )
        restore_secrets(home, secrets, copy)
        with reporter.step("Databases"):
            restore_databases(home, owner, copy)
        with reporter.step("Files"):
            unpack(copy.folder / FILES, home.place)
        restore_notes(home, copy)
    reporter.say(
        f"Restored what was there at {copy.manifest['made_at']}. Start it (make run), then compare"
        " its books (onenet verify)."
    )


def unpack(packed: Path, into: Path) -> None:
    """Unpack folders and plain files below `into`; raises Unusable for any other member.

    Like tarfile's filter "data", which Python has only since 3.11.4 (Debian 12 has 3.11.2).
    """
    with tarfile.open(packed) as archive:
        for member in archive:
            place = into / member.name
            inside = ".." not in place.parts and place.is_relative_to(into)
            if not inside or not (member.isdir() or member.isfile()):
                raise Unusable(f"{packed} holds {member.name}, which is no file of a backup.")
            if member.isdir():
                place.mkdir(parents=True, exist_ok=True)
            else:
                place.parent.mkdir(parents=True, exist_ok=True)
                content = archive.extractfile(member)
                assert content is not None  # so it is for files
                with content, place.open("xb") as file:
                    shutil.copyfileobj(content, file, CHUNK)
                os.utime(place, (member.mtime, member.mtime))
            place.chmod(member.mode & 0o755 | 0o600)


def restore_secrets(home: Home, secrets: Path | None, copy: Copy) -> None:
    source = secrets or home.secrets
    if not source.is_file():
        raise Refusal(
            f"{source} is missing: a backup opens only with the secrets.json of its platform;"
            " name your copy with --secrets."
        )
    if _digest(source) != copy.manifest["secrets"]:
        raise Refusal(f"{source} belongs to another platform: this backup needs its own secrets.")
    if source != home.secrets:
        shutil.copyfile(source, home.secrets)
        home.secrets.chmod(0o600)


def restore_databases(home: Home, owner: postgres.Owner | None, copy: Copy) -> None:
    new = home.place / "pg.new"
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir(mode=0o700)
    unpack(copy.folder / DATABASES, new)
    if owner:
        for path in (new, *new.rglob("*")):
            os.chown(path, owner.user, owner.group, follow_symlinks=False)
    new.rename(home.place / "pg")


def restore_notes(home: Home, copy: Copy) -> None:
    for name in NOTES:
        source = copy.folder / name
        if source.exists():
            shutil.copy2(source, home.samples if name == "samples.json" else home.place / name)
