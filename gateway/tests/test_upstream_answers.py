"""Services that speak HTTP in every permitted way, and in ways that are not."""

import asyncio
import contextlib

import httpx
import pytest

from gateway.proxy.upstreams import Service

from .factories import problem

PATH = "/api/v1/tasks"
SOUND = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Speaker:
    """A service that says exactly these bytes to its first, second, … request; None: it closes."""

    def __init__(self, *answers):
        self.answers, self.heads, self.connections = list(answers), [], 0

    async def __call__(self, reader, writer):
        self.connections += 1
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            while self.answers:
                self.heads.append(await reader.readuntil(b"\r\n\r\n"))
                answer = self.answers.pop(0)
                if answer is not None:
                    writer.write(answer)
                    await writer.drain()
                if answer is None or b"close" in answer or b"\r\n\r\n" not in answer:
                    break
            await asyncio.sleep(0.01 if not self.answers else 0)
        writer.close()


@pytest.fixture
async def speaking(network):
    """A network whose case service is this speaker."""
    async with contextlib.AsyncExitStack() as stack:

        async def start(*answers, **settings):
            net, speaker = await network(**settings), Speaker(*answers)
            server = await asyncio.start_server(speaker, "127.0.0.1", 0)
            stack.callback(server.close)
            port = server.sockets[0].getsockname()[1]
            net.gateway.upstreams.services["case"] = Service([f"http://127.0.0.1:{port}"])
            return net, speaker

        yield start


WHOLE = {
    "interim answers first": b"HTTP/1.1 100 Continue\r\n\r\n"
    b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + SOUND,
    "no length, ended by closing": b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nok",
    "1.0, ended by closing": b"HTTP/1.0 200 OK\r\nX-A: close\r\n\r\nok",
    "chunks with extensions and trailers": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"1;a=b\r\no\r\n1\r\nk\r\n0\r\nX-Trailer: 1\r\n\r\n",
    "names in capitals": b"HTTP/1.1 200 OK\r\nCONTENT-LENGTH: 2\r\n\r\nok",
    "folded header": b"HTTP/1.1 200 OK\r\nX-A: b\r\n c\r\nContent-Length: 2\r\n\r\nok",
}


@pytest.mark.parametrize("text", WHOLE.values(), ids=WHOLE)
async def test_every_framing_arrives_whole(speaking, text):
    net, _ = await speaking(text, SOUND)
    found = await net.client.get(PATH)
    assert (found.status_code, found.text) == (200, "ok")
    assert not {"link", "x-trailer"} & set(found.headers)
    assert (await net.client.get(PATH)).text == "ok"


BROKEN = {
    "length and chunks": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n"
    b"Transfer-Encoding: chunked\r\n\r\nok",
    "two lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok",
    "headers without end": b"HTTP/1.1 200 OK\r\n" + b"X-A: b\r\n" * 20_000,
    "another protocol": b"SSH-2.0-x\r\n\r\n",
}


@pytest.mark.parametrize("text", BROKEN.values(), ids=BROKEN)
async def test_what_is_not_http_is_502_and_its_connection_is_not_kept(speaking, text):
    net, speaker = await speaking(text, SOUND)
    problem(await net.client.get(PATH), 502, "bad-gateway")
    assert (await net.client.get(PATH)).text == "ok"
    assert speaker.connections == 2


async def test_a_second_answer_nobody_asked_for_reaches_nobody(speaking):
    second = b"HTTP/1.1 404 Not Found\r\nSet-Cookie: a=b\r\nContent-Length: 2\r\n\r\nno"
    net, speaker = await speaking(SOUND + second, SOUND)
    for _ in range(2):
        found = await net.client.get(PATH)
        assert (found.status_code, found.text) == (200, "ok")
        assert "set-cookie" not in found.headers
    assert speaker.connections == 2


async def test_what_is_said_on_an_idle_connection_ends_it(network):
    """Some servers say 408 before they close; it must not become the next answer."""
    net, spoken = await network(), asyncio.Event()

    async def impatient(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(SOUND)
        await asyncio.sleep(0.05)
        if not spoken.is_set():
            writer.write(b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()
        writer.close()
        spoken.set()

    server = await asyncio.start_server(impatient, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    net.gateway.upstreams.services["case"] = Service([f"http://127.0.0.1:{port}"])
    assert (await net.client.get(PATH)).text == "ok"
    await spoken.wait()
    await asyncio.sleep(0.05)
    assert (await net.client.get(PATH)).status_code == 200
    server.close()


async def test_a_connection_closed_while_idle_costs_no_write(speaking):
    net, speaker = await speaking(SOUND.replace(b"OK\r\n", b"OK\r\nX-Then: close\r\n"), SOUND)
    assert (await net.client.get(PATH)).text == "ok"
    await asyncio.sleep(0.1)  # the service closes meanwhile
    assert (await net.client.post(PATH, json={})).text == "ok"
    assert speaker.connections == 2


async def test_head_keeps_the_connection_whatever_length_it_tells(speaking):
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"
    net, speaker = await speaking(head, SOUND)
    assert (await net.client.head(PATH)).headers["content-length"] == "1000"
    assert (await net.client.get(PATH)).text == "ok"
    assert speaker.connections == 1


async def test_chunks_that_break_off_show_as_a_cut_answer(speaking):
    cut = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX-Then: close\r\n\r\n5\r\nhal"
    net, _ = await speaking(cut, SOUND)
    with pytest.raises(httpx.RemoteProtocolError):
        await net.client.get(PATH)
    assert (await net.client.get(PATH)).text == "ok"
    assert not net.gateway.upstreams.limits.by_client
