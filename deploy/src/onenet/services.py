"""The services of the platform: what each is told and how it is started."""

import hashlib
import os
import socket
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from onenet.children import Child, rotate
from onenet.databases import Database
from onenet.failures import ChildFailed
from onenet.ports import HOST
from onenet.secret_keys import Secrets
from onenet.state import Home, read_json, write_json

SERVICES: Final = ("identity", "catalog", "case", "exchange")
GATEWAY: Final = "gateway"
# A worker runs `serve` as well, so that it can be asked how it is and what it has counted.
WORKER: Final = "-worker"
POOL_SIZE: Final = 16
# Replacing a process: how long it lets connections go, and how long it may take to stop.
DRAIN_SECONDS: Final = 3
REPLACED_SECONDS: Final = 40
# Names with another meaning for a service, or none of its business.
LAUNCHERS_OWN: Final = frozenset(
    f"ONENET_{name}"
    for name in (
        *("DATABASE_URL", "MIGRATION_DATABASE_URL", "NATS_URL", "FILES_URL"),
        *("BASE_URL", "USERNAME", "PASSWORD", "SAMPLES", "SAMPLE_DATA", "STATE", "LISTEN_FD"),
    )
)


@dataclass(frozen=True)
class Layout:
    """Where everything of one run is."""

    home: Home
    secrets: Secrets
    port: int
    ports: Mapping[str, int]
    databases: Mapping[str, Database]
    nats_url: str
    files_url: str
    split: bool = False
    # Where processes are to be replaced: the sockets their successors listen to as well.
    sockets: Mapping[str, socket.socket] = field(default_factory=dict)

    @property
    def base_url(self) -> str:
        return f"http://{HOST}:{self.port}"

    def address(self, service: str) -> str:
        return f"http://{HOST}:{self.ports[service]}"


def processes(*, split: bool) -> list[str]:
    """The services' processes: one each, or an api and a worker each."""
    return [*SERVICES, *(f"{one}{WORKER}" for one in SERVICES if split)]


def package_of(service: str) -> str:
    return GATEWAY if service == GATEWAY else f"{service}_svc"


def environment(layout: Layout, process: str) -> dict[str, str]:
    """The settings of a process (see `onenet settings`), beside what the operator has set."""
    service = process.removesuffix(WORKER)
    told = {
        "ONENET_ISSUER": layout.base_url,
        "ONENET_KEYS_URL": f"{layout.address('identity')}/.well-known/jwks.json",
        "ONENET_NATS_URL": layout.nats_url,
        "ONENET_HOST": HOST,
        "ONENET_PORT": str(layout.ports[process]),
    }
    if service == GATEWAY:
        told |= {f"ONENET_{name.upper()}_URL": layout.address(name) for name in SERVICES}
    else:
        told |= {
            "ONENET_DATABASE_URL": layout.databases[service].app_url,
            "ONENET_FILES_URL": f"{layout.files_url}/{service}",
            "ONENET_VAULT_KEYS": layout.secrets.vault_keys[service],
            "ONENET_SEAL_KEYS": layout.secrets.seal_keys_of(service),
            "ONENET_WORKER": str(not layout.split or process != service).lower(),
        }
    return _inherited() | {"ONENET_POOL_SIZE": str(POOL_SIZE)} | _chosen() | told


def _inherited() -> dict[str, str]:
    """The launcher's own environment, less what would redirect the database driver."""
    ours = os.environ  # noqa: TID251 - a child needs PATH, HOME, proxies and the like
    kept = {name: value for name, value in ours.items() if not name.startswith(("ONENET_", "PG"))}
    # Two arenas per process: with the default eight an idle process holds memory it never uses.
    return kept | {"PYTHONUNBUFFERED": "1", "MALLOC_ARENA_MAX": "2"}


def _chosen() -> dict[str, str]:
    """Settings the operator gives to all services, such as ONENET_LOG_LEVEL."""
    ours = os.environ  # noqa: TID251 - passed on, not read
    return {
        name: value
        for name, value in ours.items()
        if name.startswith("ONENET_") and name not in LAUNCHERS_OWN
    }


def service_child(layout: Layout, process: str) -> Child:
    return Child(
        name=process,
        command=[sys.executable, "-m", package_of(process.removesuffix(WORKER)), "serve"],
        env=environment(layout, process),
        log=layout.home.log(process),
    )


def replaceable_child(layout: Layout, process: str, port: int) -> Child:
    """Listens to a port of its own and to the socket that its predecessor listens to."""
    child = service_child(layout, process)
    shared = layout.sockets.get(process)
    child.env = {**child.env, "ONENET_PORT": str(port), "ONENET_DRAIN_SECONDS": str(DRAIN_SECONDS)}
    child.grace_seconds = REPLACED_SECONDS
    if shared is not None:
        child.handed_down = shared.fileno()
        child.env = {**child.env, "ONENET_LISTEN_FD": str(shared.fileno())}
    return child


def migrate(layout: Layout, *, always: bool) -> list[str]:
    """Bring the databases to what the code needs, all at once; those that had to be touched.

    Revisions that an earlier start has applied are remembered, since asking takes seconds.
    """
    record = layout.home.place / "migrated.json"
    before = {} if always else read_json(record) or {}
    wanted = {service: _revisions(service) for service in SERVICES}
    stale = [service for service in SERVICES if before.get(service) != wanted[service]]
    running = {service: _migration(layout, service) for service in stale}
    failed = [service for service, process in running.items() if process.wait() != 0]
    if failed:
        tails = "\n".join(_tail(layout.home.log(f"{service}-migrate")) for service in failed)
        names = ", ".join(failed)
        raise ChildFailed(f"The database of {names} could not be brought up to date:\n{tails}")
    write_json(record, wanted)
    return stale


def _migration(layout: Layout, service: str) -> "subprocess.Popen[bytes]":
    database = layout.databases[service]
    log = layout.home.log(f"{service}-migrate")
    rotate(log)
    with log.open("ab") as output:
        return subprocess.Popen(
            [sys.executable, "-m", package_of(service), "migrate"],
            env=environment(layout, service)
            | {"ONENET_MIGRATION_DATABASE_URL": database.owner_url},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )


def _revisions(service: str) -> str:
    """A fingerprint of the service's migrations."""
    spec = find_spec(package_of(service))
    assert spec is not None
    assert spec.origin is not None
    folder = Path(spec.origin).parent / "migrations" / "versions"
    digest = hashlib.sha256()
    for path in sorted(folder.glob("*.py")):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def _tail(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    return "\n".join(line[:400] for line in lines[-10:])


def create_admin(layout: Layout, username: str, region: str, password: str) -> None:
    """The first account, which makes all others; a second time nothing happens."""
    done = subprocess.run(
        [
            *(sys.executable, "-m", "identity_svc", "create-admin"),
            *("--username", username, "--region", region),
        ],
        env=environment(layout, "identity"),
        input=password + "\n",
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise ChildFailed(
            f"The platform administrator could not be made: {(done.stderr or done.stdout)[-400:]}"
        )
