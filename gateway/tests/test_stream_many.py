"""Hundreds of open streams: they cost nobody else, hear what happens and end together."""

import asyncio
import contextlib
import json
import time

import nats
import pytest

from chassis import clock

from .factories import gives, until

MANY = 500


class Stream:
    """One open stream on a socket of its own."""

    def __init__(self, reader, writer):
        self.reader, self.writer = reader, writer

    async def heard(self, text):
        while text not in await asyncio.wait_for(self.reader.readline(), 10):
            pass

    async def rest(self):
        received = b""
        with contextlib.suppress(ConnectionError):
            received = await asyncio.wait_for(self.reader.read(), 10)
        self.writer.close()
        return received


async def opened(net, case_id, authorization):
    stream = Stream(*await asyncio.open_connection("127.0.0.1", net.port))
    stream.writer.write(
        f"GET /api/v1/cases/{case_id}/stream HTTP/1.1\r\nHost: x\r\n"
        f"Authorization: {authorization}\r\n\r\n".encode()
    )
    await stream.heard(b"event: open")
    return stream


@pytest.fixture
async def bus(nats_url):
    nc = await nats.connect(nats_url)
    yield nc
    await nc.close()


async def test_five_hundred_idle_streams_hold_and_close_with_the_gateway(
    network, nats_url, bus, token
):
    net = await network(
        nats_url=nats_url, stream_limit_per_client=MANY, read_rate=0, client_concurrency=MANY
    )
    case_id = clock.new_id()
    net.case.answers[f"/api/v1/cases/{case_id}/clock"] = gives({"clocks": []})
    await until(lambda: net.gateway.bus.is_connected)
    authorization = token()["Authorization"]
    streams = []
    for _ in range(MANY // 50):
        opening = (opened(net, case_id, authorization) for _ in range(50))
        streams += await asyncio.gather(*opening)
    assert net.gateway.streams.open.total() == MANY

    began = time.monotonic()
    assert (await net.client.get("/api/v1/me/certificates")).status_code == 200
    assert time.monotonic() - began < 1
    envelope = {"type": "case.decided.v1", "time": "2026-11-23T00:00:00Z", "sequence": 1}
    await bus.publish(f"onenet.case.decided.v1.{case_id}", json.dumps(envelope).encode())
    await asyncio.gather(*(one.heard(b"event: case.decided.v1") for one in streams))

    for one in streams[: MANY // 2]:
        one.writer.transport.abort()
    await until(lambda: net.gateway.streams.open.total() == MANY // 2)
    net.server.should_exit = True
    ends = await asyncio.gather(*(one.rest() for one in streams[MANY // 2 :]))
    assert all(one.endswith(b"0\r\n\r\n") for one in ends)
    assert not net.gateway.streams.open
