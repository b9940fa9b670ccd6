"""Clients that are slow, endless or many: the others are served meanwhile."""

import asyncio
import contextlib
import time
from functools import partial

import pytest

from gateway import refusals
from gateway.proxy import bodies, deadline

from .factories import problem, read, start, until

MIB = 1024 * 1024
HEAD = "GET /api/v1/tasks HTTP/1.1\r\nHost: x\r\n"
DEADLINE_SECONDS = 2.0


class Line:
    """A client's connection, byte by byte."""

    def __init__(self, reader, writer):
        self.reader, self.writer = reader, writer

    async def send(self, text):
        self.writer.write(text.encode("latin-1") if isinstance(text, str) else text)
        with contextlib.suppress(ConnectionError):
            await self.writer.drain()

    async def rest(self):
        """All that still comes, until the gateway closes."""
        received = b""
        with contextlib.suppress(ConnectionError):
            while chunk := await asyncio.wait_for(self.reader.read(65536), 10):
                received += chunk
        return received.decode("utf-8", "replace")

    async def drips(self, text, every=0.02, times=10_000):
        """Send the same few bytes for ever; what comes back when the gateway has enough of it."""
        task = asyncio.create_task(self.rest())
        for _ in range(times):
            if task.done():
                break
            await self.send(text)
            await asyncio.sleep(every)
        return await task


@pytest.fixture
async def lines():
    """Open connections to a network; they end with the test."""
    opened = []

    async def make(net, text=""):
        line = Line(*await asyncio.open_connection("127.0.0.1", net.port))
        opened.append(line)
        await line.send(text)
        return line

    yield make
    for one in opened:
        one.writer.transport.abort()


async def served(net, path="/api/v1/me/certificates"):
    """Somebody else is answered within the deadline."""
    began = time.monotonic()
    assert (await net.client.get(path)).status_code == 200
    assert time.monotonic() - began < DEADLINE_SECONDS


class TestSlowBodies:
    POST = "POST /api/v1/{} HTTP/1.1\r\nHost: x\r\n{}\r\n\r\n"

    @pytest.mark.parametrize(
        ("path", "framing", "drop"),
        [
            ("cases", "Content-Length: 5000", "x"),
            ("files", "Content-Length: 5000000", "x"),
            ("files", "Transfer-Encoding: chunked", "1\r\nx\r\n"),
            ("files", "Transfer-Encoding: chunked", "1;" + "e" * 50 + "\r\nx\r\n"),
        ],
    )
    async def test_a_body_in_drops_ends_and_frees_its_place(
        self, network, lines, monkeypatch, path, framing, drop
    ):
        monkeypatch.setattr(bodies, "PAUSE_SECONDS", 0.3)
        net = await network()
        line = await lines(net, self.POST.format(path, framing))
        assert (await line.drips(drop)).startswith("HTTP/1.1 408")
        await until(lambda: all(one.cut_off for one in net.case.seen))
        await until(lambda: not net.gateway.upstreams.limits.by_client)
        await served(net)

    async def test_a_chunk_size_that_never_ends_ends(self, network, lines, monkeypatch):
        monkeypatch.setattr(bodies, "PAUSE_SECONDS", 0.5)
        net = await network()
        line = await lines(net, self.POST.format("files", "Transfer-Encoding: chunked") + "1;")
        task = asyncio.create_task(line.rest())
        while not task.done():
            await line.send("e" * 1000)
            await asyncio.sleep(0.01)
        assert (await task).startswith("HTTP/1.1 408")


class TestEndlessBodies:
    @pytest.mark.parametrize("path", ["cases", "files", "nowhere"])
    async def test_a_gigabyte_is_refused_before_it_is_sent(self, network, lines, path):
        net = await network()
        text = f"POST /api/v1/{path} HTTP/1.1\r\nHost: x\r\nContent-Length: 1073741824\r\n\r\n"
        line = await lines(net, text + "x" * 100)
        received = await line.rest()
        assert received.startswith("HTTP/1.1 4")
        assert "connection: close" in received
        assert not net.case.seen

    @pytest.mark.parametrize("path", ["cases", "files"])
    async def test_a_gigabyte_in_chunks_is_cut_off_at_the_limit(
        self, network, lines, path, monkeypatch
    ):
        monkeypatch.setattr(refusals, "LINGER_SECONDS", 0)
        net = await network(upload_bytes=3 * MIB)
        line = await lines(
            net, f"POST /api/v1/{path} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
        )
        told, sent = asyncio.create_task(line.rest()), 0
        chunk = b"10000\r\n" + b"x" * 65536 + b"\r\n"
        while sent < 1024 and not line.writer.is_closing() and not told.done():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(1):
                    await line.send(chunk)
            sent += 1
        assert sent * 65536 < 40 * MIB  # what both kernels hold comes on top
        assert (await told).startswith("HTTP/1.1 413")
        await served(net)


class TestSlowReaders:
    async def test_who_takes_an_answer_in_drops_loses_it_and_its_place(
        self, network, lines, monkeypatch
    ):
        monkeypatch.setattr(deadline, "LEAST_BYTES_PER_SECOND", 64 * MIB)
        monkeypatch.setattr(deadline, "LOOK_SECONDS", 0.05)
        net = await network(deadline_seconds=0.5)

        async def pours(seen, receive, send):
            await read(seen, receive)
            await start(send, 200, [("content-length", str(512 * MIB))])
            for _ in range(2048):
                body = b"y" * (256 * 1024)
                await send({"type": "http.response.body", "body": body, "more_body": True})

        net.case.answers["/api/v1/calendar"] = pours
        line = await lines(net, "GET /api/v1/calendar HTTP/1.1\r\nHost: x\r\n\r\n")
        for _ in range(100):
            await line.reader.read(1000)
            await asyncio.sleep(0.02)
        await until(lambda: not net.gateway.upstreams.limits.by_client)

    async def test_answers_that_nobody_reads_do_not_pile_up(self, network, lines):
        net = await network(read_rate=0)
        line = await lines(net)
        line.writer.transport.pause_reading()
        sent = 0
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(1.5):
                while sent < 200_000:
                    await line.send("GET /docs HTTP/1.1\r\nHost: x\r\n\r\n" * 50)
                    sent += 50
        (connection,) = net.server.server_state.connections or {None}
        if connection is not None:
            assert connection.transport.get_write_buffer_size() < MIB
        await served(net)


async def test_one_client_cannot_take_all_places(network, token):
    net = await network(upstream_concurrency=8, client_concurrency=3)
    began = []

    async def waits(seen, receive, send):
        began.append(seen)
        await read(seen, receive)
        await receive()

    net.case.answers["/api/v1/tasks"] = waits
    greedy = token()
    held = [asyncio.create_task(net.client.get("/api/v1/tasks", headers=greedy)) for _ in range(3)]
    await until(lambda: len(began) == 3)
    found = await net.client.get("/api/v1/me/cases", headers=greedy)
    problem(found, 429, "too-many-requests")
    assert found.headers["retry-after"] == "1"
    assert (await net.client.get("/api/v1/me/cases", headers=token())).status_code == 200
    for one in held:
        one.cancel()
    await asyncio.gather(*held, return_exceptions=True)
    await until(lambda: not net.gateway.upstreams.limits.by_client)
    assert net.gateway.upstreams.limits.total == 0


async def test_slow_uploads_take_no_place_of_short_requests(network, token):
    net = await network(upstream_concurrency=3, upload_concurrency=4, client_upload_concurrency=3)
    began = []

    async def takes(seen, receive, send):
        began.append(seen)
        await read(seen, receive)

    async def drops():
        yield b"x" * 70_000
        await asyncio.sleep(60)

    net.case.answers["/api/v1/files"] = takes
    upload = partial(net.client.post, "/api/v1/files")
    greedy = token()
    held = [asyncio.create_task(upload(content=drops(), headers=greedy)) for _ in range(3)]
    await until(lambda: len(began) == 3)
    problem(await upload(content=b"x" * 70_000, headers=greedy), 429, "too-many-requests")
    held.append(asyncio.create_task(upload(content=drops(), headers=token())))
    await until(lambda: len(began) == 4)
    problem(await upload(content=b"x" * 70_000, headers=token()), 503, "overloaded")
    assert (await net.client.get("/api/v1/me/cases", headers=greedy)).status_code == 200
    for one in held:
        one.cancel()
    await asyncio.gather(*held, return_exceptions=True)
    await until(lambda: net.gateway.upstreams.upload_limits.total == 0)


async def test_all_services_together_have_a_limit(network, token):
    net = await network(concurrency=2)
    began = []

    async def waits(seen, receive, send):
        began.append(seen)
        await read(seen, receive)
        await receive()

    net.case.answers["/api/v1/tasks"] = net.exchange.answers["/api/v1/exchange/x"] = waits
    paths = ("/api/v1/tasks", "/api/v1/exchange/x")
    held = [asyncio.create_task(net.client.get(path, headers=token())) for path in paths]
    await until(lambda: len(began) == 2)
    found = await net.client.get("/api/v1/me/profile")
    problem(found, 503, "overloaded")
    assert found.headers["retry-after"] == "1"
    for one in held:
        one.cancel()
    await asyncio.gather(*held, return_exceptions=True)
