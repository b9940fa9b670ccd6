"""The real gateway behind nginx, its services away: what one leaves to the other."""

import asyncio
import contextlib
import sys

import pytest
from tests.abuse.hostile import PATHS

from .front import free_port, running, until_open
from .test_hostile_through_nginx import POST

AWAY = "http://127.0.0.1:9"


@pytest.fixture
async def edge(folder):
    port = free_port()
    environment = {
        "ONENET_ISSUER": "http://127.0.0.1",
        "ONENET_KEYS_URL": f"{AWAY}/.well-known/jwks.json",
        "ONENET_NATS_URL": "nats://127.0.0.1:9",
        "ONENET_PORT": str(port),
        "ONENET_TRUSTED_PROXIES": "127.0.0.1/32",
        "ONENET_METRICS_FROM": "0.0.0.0/0",
        **{f"ONENET_{one}_URL": AWAY for one in ("CATALOG", "CASE", "IDENTITY", "EXCHANGE")},
    }
    quiet = asyncio.subprocess.DEVNULL
    command = [sys.executable, "-m", "gateway", "serve"]
    process = await asyncio.create_subprocess_exec(
        *command, env=environment, stdout=quiet, stderr=quiet
    )
    try:
        await until_open(port, seconds=20)
        async with running(folder, upstream_port=port) as edge:
            yield edge
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def test_each_refuses_its_part(edge):
    assert (await edge.get("/livez")).startswith("HTTP/1.1 200")
    for path in PATHS:
        assert (await edge.get(path)).startswith("HTTP/1.1 400"), path
    # The gateway's limit, told while nginx still passes the body on.
    length = 8 * 1024 * 1024
    received = await edge.say(f"{POST}Content-Length: {length}\r\n\r\n" + "x" * 100_000)
    assert received.startswith("HTTP/1.1 413"), received
    assert "1048576" in received
    assert (await edge.get("/metrics")).startswith("HTTP/1.1 404")
    assert (await edge.get("/api/v1/items", "Accept-Language: en")).startswith("HTTP/1.1 503")
