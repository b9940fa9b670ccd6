"""The case service alone, without its worker, which is a process of its own in production."""

import asyncio
import contextlib
import json
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from case_svc.main import create_service
from chassis import clock, consumer, migrations, worker
from chassis.db import open_context
from chassis.testing.plugin import _KID, _SIGNER, token_keys
from chassis.testing.servers import _restart, _wheel, free_port
from chassis.testing.settings import ISSUER, settings_of

from .bench import PYTHON, Bench

GUIDES = Path(__file__).parents[2] / "deploy/src/onenet/samples/guides"


@contextlib.contextmanager
def durable_postgres() -> Iterator[Any]:
    """A server with its settings as they come: what is committed is on the disk."""
    with tempfile.TemporaryDirectory(prefix="onenet-bench-", dir="/var/tmp") as name:
        Path(name).chmod(0o755)
        server = _wheel().get_server(Path(name) / "pg", cleanup_mode="stop")
        try:
            server.psql("ALTER SYSTEM SET max_connections = 200;")
            _restart(server)
            yield server
        finally:
            server.cleanup()


def _guides() -> list[dict[str, Any]]:
    shown = ("item_code", "task_code", "name", "task_type", "department", "region")
    found = []
    for path in sorted(GUIDES.glob("*.json")):
        guide = json.loads(path.read_text())
        state = {"item_id": str(clock.new_id()), "revision": 1, "version": 1, "status": "open"}
        found.append(state | {name: guide[name] for name in shown} | {"guide": guide})
    return found


async def _publish(service: Any, here: Any, item: dict[str, Any]) -> None:
    envelope = {
        "specversion": "1.0",
        "id": str(clock.new_id()),
        "source": "/onenet/catalog",
        "type": "catalog.item.published.v1",
        "subject": item["item_id"],
        "time": clock.now().isoformat(),
        "sequence": 1,
        "data": item,
    }
    reactions = consumer.merged(service.subscriptions)
    await consumer.apply(here, json.dumps(envelope).encode(), reactions)


@contextlib.asynccontextmanager
async def published_keys() -> AsyncIterator[str]:
    """The address where the service fetches the key of our tokens."""
    keys = json.dumps({"keys": [_SIGNER.as_dict(private=False) | {"kid": _KID}]}).encode()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(keys)}\r\nConnection: close\r\n"
        writer.write(f"{head}Content-Type: application/json\r\n\r\n".encode() + keys)
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"


@contextlib.asynccontextmanager
async def case_service(
    bench: Bench, url: str, keys: str, *, pool_size: int
) -> AsyncIterator[tuple[str, list[Any]]]:
    """Its address and the items it knows."""
    settings = settings_of(create_service, database_url=SecretStr(url), keys_url=keys)
    service = create_service(settings)
    await asyncio.to_thread(migrations.upgrade, service.migrations, url)
    here = open_context(service.name, settings, keys=token_keys())
    await worker.start_up(service, here)
    items = _guides()
    for item in items:
        await _publish(service, here, item)
    await here.engine.dispose()
    base_url = f"http://127.0.0.1:{free_port()}"
    environment = {
        "ONENET_DATABASE_URL": url,
        "ONENET_NATS_URL": "nats://127.0.0.1:1",
        "ONENET_FILES_URL": f"file://{bench.folder}/files",
        "ONENET_ISSUER": ISSUER,
        "ONENET_KEYS_URL": keys,
        "ONENET_VAULT_KEYS": settings.vault_keys.get_secret_value(),
        "ONENET_SEAL_KEYS": settings.seal_keys.get_secret_value(),
        "ONENET_PORT": base_url.rpartition(":")[2],
        "ONENET_POOL_SIZE": str(pool_size),
        "ONENET_WORKER": "false",
    }
    serving = [PYTHON, "-m", "case_svc", "serve"]
    async with bench.process(serving, env=environment, ready=f"{base_url}/healthz"):
        await asyncio.sleep(1)  # the first fetch of the token keys
        yield base_url, items
