"""Probes, metrics, and how the process runs."""

import asyncio
import gc
import os
import signal
import subprocess
import sys
import time

import httpx

from chassis.testing.servers import free_port
from gateway.settings import GatewaySettings

from .factories import ISSUER, json_answer, problem, until


async def test_alive_and_ready(network):
    net = await network()
    assert (await net.client.get("/livez")).json() == {"status": "alive"}
    await until(lambda: net.gateway.health.is_ready)
    found = await net.client.get("/readyz")
    assert found.status_code == 200
    assert found.json()["status"] == "ready"
    assert found.json()["parts"]["case"] == {"ready": True, "detail": None}


async def test_a_part_that_is_missing_is_named(network):
    net = await network()
    await until(lambda: net.gateway.health.is_ready)
    await net.case.stop()
    await until(lambda: not net.gateway.health.is_ready)
    found = await net.client.get("/readyz")
    assert found.status_code == 503
    assert found.headers["retry-after"]
    assert found.json()["status"] == "not ready"
    assert "does not answer" in found.json()["parts"]["case"]["detail"]
    assert found.json()["parts"]["catalog"]["ready"]
    assert (await net.client.get("/livez")).status_code == 200
    await net.case.start()
    await until(lambda: net.gateway.health.is_ready)


async def test_a_service_that_is_not_ready_says_why(network):
    net = await network()

    async def unready(seen, receive, send):
        parts = {"database": {"ready": False, "detail": "run migrate"}}
        await json_answer(send, {"status": "not ready", "parts": parts}, 503)

    async def babbles(seen, receive, send):
        await json_answer(send, [1])

    net.case.answers["/readyz"] = unready
    net.catalog.answers["/readyz"] = babbles
    await until(lambda: not net.gateway.health.is_ready)
    await until(lambda: not net.gateway.health.parts["catalog"]["ready"])
    parts = (await net.client.get("/readyz")).json()["parts"]
    assert parts["case"]["detail"] == {"database": "run migrate"}
    assert parts["catalog"]["detail"] == "answers something else"


async def test_metrics_count_what_happened(network):
    net = await network()
    await net.client.get("/api/v1/me/cases")
    await net.client.get("/nowhere")
    text = (await net.client.get("/metrics")).text
    case = 'onenet_requests_total{method="GET",route="case",service="gateway",status="200"}'
    assert case in text
    for name in (
        'route="unmatched"',
        'onenet_request_seconds_bucket{le="0.01",route="case",service="gateway"}',
        'onenet_gateway_cache_total{outcome="hit"}',
        "onenet_gateway_in_flight",
        'onenet_gateway_places_taken{service="case"} 0.0',
        "onenet_gateway_upstream_failures_total",
        "onenet_gateway_limited_total",
    ):
        assert name in text, name


async def test_metrics_do_not_exist_for_the_public(network):
    net = await network(metrics_from="192.0.2.0/24")
    problem(await net.client.get("/metrics"), 404, "not-found")
    net = await network(trusted_proxies="127.0.0.0/8")
    outside = {"X-Forwarded-For": "9.9.9.9"}
    problem(await net.client.get("/metrics", headers=outside), 404, "not-found")


async def test_the_collector_is_tamed(network):
    await network()
    assert gc.get_threshold() == (20_000, 20, 50)
    assert gc.get_freeze_count() > 0


async def test_no_websockets(network):
    net = await network()
    received = await net.raw(
        "GET /api/v1/me/cases HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
        wait=0.5,
    )
    assert " 101 " not in received
    assert net.case.seen[0].all("upgrade") == []


def test_every_setting_says_what_it_is():
    fields = GatewaySettings.model_fields
    assert [name for name, one in fields.items() if not one.description] == []


def test_it_serves_from_the_command_line_and_stops_when_asked():
    port = free_port()
    nowhere = "http://127.0.0.1:1"
    told = {f"ONENET_{name}_URL": nowhere for name in ("CATALOG", "CASE", "IDENTITY", "EXCHANGE")}
    told |= {"ONENET_ISSUER": ISSUER, "ONENET_KEYS_URL": f"{nowhere}/keys"}
    told |= {"ONENET_NATS_URL": "nats://127.0.0.1:1", "ONENET_PORT": str(port)}
    with subprocess.Popen(
        [sys.executable, "-m", "gateway", "serve"], env={**os.environ, **told}
    ) as process:
        try:
            assert asyncio.run(_answers(port)) == 503
        finally:
            process.send_signal(signal.SIGTERM)
        assert process.wait(10) in {0, -signal.SIGTERM}


async def _answers(port):
    """The status of /readyz as soon as the process answers."""
    end = time.monotonic() + 20
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", verify=False) as client:
        while True:
            try:
                assert (await client.get("/livez")).status_code == 200
            except httpx.ConnectError:
                assert time.monotonic() < end
                await asyncio.sleep(0.1)
                continue
            return (await client.get("/readyz")).status_code
