"""The services of the platform: their settings and how they are started."""

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
# A worker runs `serve` too, so that its health and its metrics can be read.
WORKER: Final = "-worker"
POOL_SIZE: Final = 16
# Replacing a process: how long it drains its connections, and how long it may take to stop.
DRAIN_SECONDS: Final = 3
REPLACED_SECONDS: Final = 40
# Variables of the launcher that a service must not read.
LAUNCHERS_OWN: Final = frozenset(
    f"ONENET_{name}"
    for name in (
        *("DATABASE_URL", "MIGRATION_DATABASE_URL", "NATS_URL", "FILES_URL"),
        *("BASE_URL", "USERNAME", "PASSWORD", "SAMPLES", "SAMPLE_DATA", "STATE", "LISTEN_FD"),
    )
)


@dataclass(frozen=True)
class Layout:
    """Addresses, folders and secrets of a run."""

    home: Home
    secrets: Secrets
    port: int
    ports: Mapping[str, int]
    databases: Mapping[str, Database]
    nats_url: str
    files_url: str
    split: bool = False
    # When processes are to be replaced: the sockets that are handed to their successors.
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
    """The environment of a process: its settings, and those the operator has set."""
    service = process.removesuffix(WORKER)
    settings = {
        "ONENET_ISSUER": layout.base_url,
        "ONENET_KEYS_URL": f"{layout.address('identity')}/.well-known/jwks.json",
        "ONENET_NATS_URL": layout.nats_url,
        "ONENET_HOST": HOST,
        "ONENET_PORT": str(layout.ports[process]),
    }
    if service == GATEWAY:
        settings |= {f"ONENET_{name.upper()}_URL": layout.address(name) for name in SERVICES}
    else:
        settings |= {
            "ONENET_DATABASE_URL": layout.databases[service].app_url,
            "ONENET_FILES_URL": f"{layout.files_url}/{service}",
            "ONENET_VAULT_KEYS": layout.secrets.vault_keys[service],
            "ONENET_SEAL_KEYS": layout.secrets.seal_keys_of(service),
            "ONENET_WORKER": str(not layout.split or process != service).lower(),
        }
    # A child needs PATH, HOME and proxies, but no PG… variable, which would redirect its driver;
    # the operator's own settings, such as ONENET_LOG_LEVEL, apply to all services.
    inherited = {
        name: value
        for name, value in os.environ.items()  # noqa: TID251 - passed on, not read
        if name not in LAUNCHERS_OWN and not name.startswith("PG")
    }
    defaults = {
        "ONENET_POOL_SIZE": str(POOL_SIZE),
        "PYTHONUNBUFFERED": "1",
        "MALLOC_ARENA_MAX": "2",  # an idle process with the default of eight holds unused memory
    }
    return defaults | inherited | settings


def service_child(layout: Layout, process: str) -> Child:
    return Child(
        name=process,
        command=[sys.executable, "-m", package_of(process.removesuffix(WORKER)), "serve"],
        env=environment(layout, process),
        log=layout.home.log(process),
    )


def replaceable_child(layout: Layout, process: str, port: int) -> Child:
    """Listens on its own port and on the socket of its predecessor."""
    child = service_child(layout, process)
    shared = layout.sockets.get(process)
    child.env = {**child.env, "ONENET_PORT": str(port), "ONENET_DRAIN_SECONDS": str(DRAIN_SECONDS)}
    child.grace_seconds = REPLACED_SECONDS
    if shared is not None:
        child.handed_down = shared.fileno()
        child.env = {**child.env, "ONENET_LISTEN_FD": str(shared.fileno())}
    return child


def migrate(layout: Layout, *, always: bool) -> list[str]:
    """Migrate the databases in parallel; returns the services that were behind.

    Applied revisions are recorded in a file, because asking the databases takes seconds.
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
    """Create the first account, which creates all others; changes nothing if it exists."""
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
