"""One service of the platform as a process: migrated, started and stopped by its command line."""

import contextlib
import json
from base64 import b64encode
from collections.abc import AsyncIterator
from itertools import permutations

import psutil

from .bench import PYTHON, Bench, free_port
from .tokens import ISSUER, Signer

SERVICES = ("identity", "catalog", "case", "exchange")
POOL_SIZE = 16
_KEY = b64encode(b"onenet-bench-key" * 2).decode()
_NO_BUS = "nats://127.0.0.1:1"


def environment(
    bench: Bench,
    name: str,
    database_url: str,
    signer: Signer,
    *,
    nats_url: str = _NO_BUS,
    worker: bool = False,
) -> dict[str, str]:
    """The settings of a service, all of them public names."""
    pairs = {f"{sender}>{reader}": {"k1": _KEY} for sender, reader in permutations(SERVICES, 2)}
    return {
        "ONENET_DATABASE_URL": database_url,
        "ONENET_NATS_URL": nats_url,
        "ONENET_FILES_URL": f"file://{bench.folder}/files/{name}",
        "ONENET_ISSUER": ISSUER,
        "ONENET_KEYS_URL": signer.keys_url,
        "ONENET_VAULT_KEYS": f"bench:{_KEY}",
        "ONENET_SEAL_KEYS": json.dumps(pairs),
        "ONENET_POOL_SIZE": str(POOL_SIZE),
        "ONENET_LOG_LEVEL": "WARNING",
        "ONENET_WORKER": str(worker).lower(),
    }


async def migrate(bench: Bench, name: str, settings: dict[str, str]) -> None:
    await bench.output([PYTHON, "-m", f"{name}_svc", "migrate"], env=settings)


@contextlib.asynccontextmanager
async def service(
    bench: Bench,
    name: str,
    database_url: str,
    signer: Signer,
    *,
    nats_url: str = _NO_BUS,
    worker: bool = False,
    cpu: int | None = None,
) -> AsyncIterator[str]:
    """The address of the service, on a database that is migrated first.

    Without `worker` it answers requests only, as an api process does in production.
    """
    settings = environment(bench, name, database_url, signer, nats_url=nats_url, worker=worker)
    await migrate(bench, name, settings)
    port = free_port()
    base_url = f"http://127.0.0.1:{port}"
    command = [PYTHON, "-m", f"{name}_svc", "serve"]
    async with bench.process(
        command, cpu=cpu, env=settings | {"ONENET_PORT": str(port)}, ready=f"{base_url}/readyz"
    ):
        yield base_url


@contextlib.asynccontextmanager
async def service_worker(
    bench: Bench, name: str, database_url: str, signer: Signer, *, nats_url: str
) -> AsyncIterator[psutil.Process]:
    """Relay, consumers and loops of a service without its api, on a migrated database."""
    settings = environment(bench, name, database_url, signer, nats_url=nats_url, worker=True)
    async with bench.process([PYTHON, "-m", f"{name}_svc", "worker"], env=settings) as process:
        yield process
