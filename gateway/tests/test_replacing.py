"""A process gives way to another: nobody's request meets a connection that is being closed."""

import asyncio

import pytest

from chassis.http.server import drain_connections
from gateway import health
from gateway.proxy import upstreams


@pytest.fixture
def never_sure(monkeypatch):
    """Every kept connection counts as one that might be just being closed."""
    monkeypatch.setattr(upstreams, "SURE_SECONDS", -1.0)


@pytest.fixture(autouse=True)
def undisturbed(monkeypatch):
    """The gateway asks its services nothing of its own meanwhile."""
    monkeypatch.setattr(health, "POLL_SECONDS", 60)
    monkeypatch.setattr(health, "IMPATIENT_SECONDS", 60)


async def connection(net, method, **options):
    """The connection over which the service got a request: its other end."""
    assert (await net.client.request(method, "/api/v1/cases", **options)).status_code == 200
    return net.case.seen[-1].client


KEYED = {"json": {}, "headers": {"Idempotency-Key": "k"}}


async def test_what_may_be_repeated_takes_any_kept_connection(network, never_sure):
    net = await network()
    first = await connection(net, "GET")
    assert await connection(net, "GET") == first
    assert await connection(net, "POST", **KEYED) == first


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
async def test_what_may_not_be_repeated_takes_only_one_that_is_surely_open(
    network, never_sure, method
):
    net = await network()
    first = await connection(net, method)
    assert await connection(net, method) != first


async def test_a_connection_used_just_now_is_surely_open(network):
    net = await network()
    used = {await connection(net, "POST", json={}) for _ in range(10)}
    assert len(used) < 10  # the idle ones take turns


@pytest.mark.parametrize("path", ["/api/v1/cases", "/api/v1/items"])
async def test_a_process_that_stops_says_so_with_every_answer(network, path):
    net = await network()
    for _ in range(2):  # the second of a public read is a kept one
        assert "connection" not in (await net.client.get(path)).headers
    net.gateway.stop()
    parting = asyncio.create_task(drain_connections(net.server, 30, handed_down=False))
    await asyncio.sleep(0)
    answer = await net.client.get(path)
    assert (answer.status_code, answer.headers["connection"]) == (200, "close")
    await asyncio.wait_for(parting, 10)  # the last connection has gone, so it does not wait longer
