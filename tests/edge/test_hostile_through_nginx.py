"""Hostile HTTP against nginx as it is shipped: what reaches the gateway is plain, or nothing."""

import asyncio
import contextlib
import json
import time

import pytest
from tests.abuse.hostile import LENIENT, ONE_REQUEST, PATHS, REFUSED

HIDDEN = "GET /api/v1/smuggled HTTP/1.1\r\nHost: x\r\n\r\n"
POST = "POST /api/v1/cases HTTP/1.1\r\nHost: x\r\n"
GET = "GET /api/v1/cases HTTP/1.1\r\n"
CHUNKED = POST + "Transfer-Encoding: chunked\r\n\r\n"

MORE = {
    "TE quoted": POST + 'Transfer-Encoding: "chunked"\r\n\r\n0\r\n\r\n',
    "TE null": POST + "Transfer-Encoding: chunked\x00\r\n\r\n0\r\n\r\n",
    "TE empty": POST + "Transfer-Encoding:\r\n\r\n",
    "CL with spaces": POST + "Content-Length: 0 0\r\n\r\n",
    "CL empty": POST + "Content-Length:\r\n\r\n",
    "no name": GET + "Host: x\r\n: b\r\n\r\n",
    "first line folded": GET + " Host: x\r\n\r\n",
    "chunk size empty": CHUNKED + "\r\n\r\n",
    "chunk size hexadecimal prefix": CHUNKED + "0x0\r\n\r\n",
    "0.9 by name": "GET /api/v1/tasks HTTP/0.9\r\n\r\n",
    "1.2": "GET /api/v1/tasks HTTP/1.2\r\nHost: x\r\n\r\n",
    "absolute address of another scheme": "GET file:///etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n",
    "host in an authority": "GET //u@evil.example:80@x HTTP/1.1\r\nHost: x y\r\n\r\n",
    "asterisk": "OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n",
    "lower case": "get /api/v1/tasks HTTP/1.1\r\nHost: x\r\n\r\n",
    "PROXY protocol": "PROXY TCP4 6.6.6.6 7.7.7.7 1 80\r\n",
    "SSH": "SSH-2.0-OpenSSH_9.9\r\n",
}
# Where nginx takes one reading for granted (RFC 9112, 2.2: a bare LF may end a line). What follows
# is a request of its own for it, and it passes both on framed anew, so that nobody behind it can
# take them otherwise.
READ_ONE_WAY = {name: REFUSED[name] for name in sorted(LENIENT)} | {
    "chunk extension with a null": CHUNKED + "1;a=\x00\r\na\r\n0\r\n\r\n"
}


def problem(received: str, status: int, slug: str) -> dict:
    """The one answer is this problem document."""
    head, _, body = received.partition("\r\n\r\n")
    assert received.count("HTTP/1.1 ") == 1, received
    assert head.startswith(f"HTTP/1.1 {status} "), received
    assert "Content-Type: application/problem+json" in head
    assert "Server: nginx\r\n" in head
    assert "X-Request-Id: " in head
    content = json.loads(body)
    assert content["type"] == f"urn:onenet:problem:{slug}"
    assert content["status"] == status
    return content


def is_refusal(received: str) -> bool:
    with contextlib.suppress(AssertionError, ValueError):
        if received.startswith("HTTP/1.1 405"):  # TRACE
            return bool(problem(received, 405, "method-not-allowed"))
        problem(received, 400, "bad-request")
        return "Connection: close\r\n" in received
    return False


class TestFraming:
    async def test_what_two_servers_could_read_differently_reaches_nobody(self, front):
        edge = await front()
        attacks = {name: text for name, text in REFUSED.items() if name not in READ_ONE_WAY} | MORE
        received = await asyncio.gather(*(edge.say(text + HIDDEN) for text in attacks.values()))
        answers = dict(zip(attacks, received, strict=True))
        # An answer to HTTP/0.9 has no head.
        assert json.loads(answers.pop("HTTP/0.9"))["status"] == 400
        assert {name: text for name, text in answers.items() if not is_refusal(text)} == {}
        # A body that turned out broken on its way is broken for the upstream, too.
        assert all(seen.is_cut_off for seen in edge.upstream.seen)
        assert edge.upstream.broken == []

    @pytest.mark.parametrize("name", READ_ONE_WAY)
    async def test_what_nginx_reads_in_one_way_is_passed_on_in_that_way(self, front, name):
        edge = await front()
        received = await edge.say(READ_ONE_WAY[name] + HIDDEN, wait=0.5)
        assert received.count("HTTP/1.1 200") == received.count("HTTP/1.1 ") == 2
        assert len(edge.upstream.seen) == 2
        assert edge.upstream.seen[1].target == "/api/v1/smuggled"
        assert edge.upstream.broken == []

    @pytest.mark.parametrize("name", ONE_REQUEST)
    async def test_a_body_that_looks_like_a_request_is_a_body(self, front, name):
        edge = await front()
        half = "GET /api/v1/smuggled HTTP/1.1\r\nHost: x\r\nX-A: "
        start = f"{POST}{ONE_REQUEST[name]}Content-Length: {len(half)}\r\n\r\n{half}"
        received = await edge.say(start, wait=0.5)
        if "hidden" in name:
            assert is_refusal(received)
            assert edge.upstream.seen == []
        else:
            assert received.count("HTTP/1.1 200") == 1
            (seen,) = edge.upstream.seen
            assert seen.body == half.encode()
            assert seen.all("upgrade") == seen.all("http2-settings") == []

    async def test_a_request_is_not_upgraded(self, front):
        edge = await front()
        for kind in ("h2c", "websocket"):
            lines = ("Connection: Upgrade", f"Upgrade: {kind}", "HTTP2-Settings: AAEAAEAA")
            received = await edge.get("/api/v1/tasks", *lines)
            assert received.startswith("HTTP/1.1 200"), received
        assert all(seen.all("upgrade") == [] for seen in edge.upstream.seen)

    async def test_pipelined_requests_stay_in_step(self, front):
        edge = await front()
        text = "".join(f"GET /api/v1/tasks?n={n} HTTP/1.1\r\nHost: x\r\n\r\n" for n in range(200))
        received = await edge.say(text + "nonsense\r\n\r\n" + HIDDEN, wait=1)
        assert received.count("HTTP/1.1 200") == 200
        assert received.count("HTTP/1.1 400") == 1
        asked = [seen.target for seen in edge.upstream.seen]
        assert asked == [f"/api/v1/tasks?n={n}" for n in range(200)]

    async def test_paths_are_passed_on_as_they_came(self, front):
        """They are the gateway's to refuse; changed by nginx it could not see what they were."""
        edge = await front()
        for path in PATHS:
            before = len(edge.upstream.seen)
            received = await edge.get(path)
            if received.startswith("HTTP/1.1 400"):
                assert is_refusal(received)
            else:
                assert [seen.target for seen in edge.upstream.seen[before:]] == [path]

    async def test_nobody_forges_where_he_comes_from(self, front):
        edge = await front()
        await edge.get(
            "/api/v1/tasks",
            "Forwarded: for=6.6.6.6",
            "X-Real-IP: 6.6.6.6",
            "X_Forwarded_For: 6.6.6.6",
            "X-Forwarded-For: 6.6.6.6, 203.0.113.9",
        )
        (seen,) = edge.upstream.seen
        assert seen.all("x-forwarded-for") == ["203.0.113.9"]
        assert "6.6.6.6" not in str(seen.headers)


class TestSlowClients:
    @pytest.mark.parametrize(
        "start", ["", GET, "GET /api/v1/tasks HTTP/1.1\r\nHost: x\r\n\r\n" + GET]
    )
    async def test_a_head_in_drops_ends_in_time(self, front, start):
        edge = await front(client_header_timeout="1s", keepalive_timeout="1s")
        seconds = await drip(edge, start, "X-A: b\r\n" if start else "")
        assert 0.5 < seconds < 3
        assert {seen.target for seen in edge.upstream.seen} <= {"/api/v1/tasks"}

    async def test_a_body_that_stops_ends_in_time_for_the_upstream_too(self, front):
        edge = await front(client_body_timeout="1s")
        seconds = await drip(edge, POST + "Content-Length: 5000\r\n\r\nx", "")
        assert 0.5 < seconds < 3
        await until(lambda: edge.upstream.seen[0].is_cut_off)

    async def test_an_answer_before_the_end_of_the_body_arrives(self, front):
        """So the gateway can refuse a body that is too slow or too large while it is sent."""
        edge = await front()

        async def refuses(request, reader, writer):
            await reader.read(1)
            writer.write(b"HTTP/1.1 408 Slow\r\nContent-Length: 4\r\nConnection: close\r\n\r\nslow")
            await writer.drain()
            return False

        edge.upstream.answers["/api/v1/cases"] = refuses
        received = await edge.say(POST + "Content-Length: 5000000\r\n\r\n" + "x" * 1000)
        assert received.startswith("HTTP/1.1 408")
        assert received.endswith("slow")

    async def test_who_reads_nothing_is_given_up_and_frees_the_upstream(self, front):
        edge = await front(send_timeout="1s")
        ended = asyncio.Event()

        async def pours(request, reader, writer):
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 536870912\r\n\r\n")
            with contextlib.suppress(ConnectionError):
                for _ in range(8192):
                    writer.write(b"y" * 65536)
                    await writer.drain()
            ended.set()
            return False

        edge.upstream.answers["/api/v1/calendar"] = pours
        reader, writer = await asyncio.open_connection("127.0.0.1", edge.port, limit=1024)
        writer.write(b"GET /api/v1/calendar HTTP/1.1\r\nHost: x\r\n\r\n")
        began = time.monotonic()
        await asyncio.wait_for(ended.wait(), 8)
        assert time.monotonic() - began < 5
        assert (await edge.get("/api/v1/tasks")).startswith("HTTP/1.1 200")
        writer.transport.abort()
        del reader

    async def test_hundreds_of_half_heads_keep_nobody_else_waiting(self, front):
        edge = await front(client_header_timeout="2s")
        held = [asyncio.create_task(drip(edge, GET, "")) for _ in range(300)]
        await asyncio.sleep(0.3)
        for _ in range(5):
            assert (await edge.get("/api/v1/tasks")).startswith("HTTP/1.1 200")
        assert max(await asyncio.gather(*held)) < 5


class TestLargeMessages:
    @pytest.mark.parametrize(
        "line", ["X-A: " + "y" * 1000 + "\r\n", "X-A: " + "y" * 40_000 + "\r\n"]
    )
    async def test_a_flood_of_headers_is_refused(self, front, line):
        edge = await front()
        received = await edge.say(GET + "Host: x\r\n" + line * 200)
        problem(received, 431, "headers-too-large")
        assert edge.upstream.seen == []

    async def test_an_address_without_end_is_refused(self, front):
        edge = await front()
        problem(await edge.get("/api/v1/items?q=" + "x" * 40_000), 414, "uri-too-long")

    async def test_all_that_the_gateway_takes_reaches_it(self, front):
        edge = await front()
        target = "/" + "p" * 2047 + "?q=" + "x" * 8000
        received = await edge.get(target, *(f"X-{n}: " + "y" * 300 for n in range(90)))
        assert received.startswith("HTTP/1.1 200")
        assert edge.upstream.seen[0].target == target

    async def test_a_body_that_announces_too_much_is_refused(self, front):
        edge = await front()
        received = await edge.say(POST + f"Content-Length: {57 * 1024 * 1024}\r\n\r\nx")
        problem(received, 413, "too-large")
        assert edge.upstream.seen == []

    async def test_chunks_without_end_are_cut_off_at_the_limit(self, front):
        edge = await front(client_max_body_size="1m")
        chunk = "10000\r\n" + "x" * 65536 + "\r\n"
        received = await edge.say(CHUNKED + chunk * 32)
        problem(received, 413, "too-large")
        await until(lambda: edge.upstream.seen[0].is_cut_off)
        assert len(edge.upstream.seen[0].body) <= 1024 * 1024


class TestManyAtOnce:
    @pytest.fixture
    async def crowd(self, front):
        """Three requests may be under way per network; three of each of these addresses are."""
        edge = await front(**{"limit_conn addresses": "3"})

        async def waits(request, reader, writer):
            await reader.read(1)
            return False

        edge.upstream.answers["/api/v1/calendar"] = waits
        held = []
        for address in ("203.0.113.1", "2001:db8:1:2::a"):
            for _ in range(3):
                lines = f"Host: x\r\nX-Forwarded-For: {address}\r\n\r\n"
                request = edge.say(f"GET /api/v1/calendar HTTP/1.1\r\n{lines}")
                held.append(asyncio.create_task(request))
        await until(lambda: len(edge.upstream.seen) == 6)
        yield edge
        for task in held:
            task.cancel()
        await asyncio.gather(*held, return_exceptions=True)

    @pytest.mark.parametrize("address", ["203.0.113.1", "2001:db8:1:2::a", "2001:db8:1:2:ff::b"])
    async def test_one_network_has_so_many_and_no_more(self, crowd, address):
        received = await crowd.get("/api/v1/tasks", f"X-Forwarded-For: {address}")
        problem(received, 503, "unavailable")
        assert "Retry-After: 5\r\n" in received

    @pytest.mark.parametrize("address", ["203.0.113.2", "2001:db8:1:3::a"])
    async def test_others_are_served_meanwhile(self, crowd, address):
        received = await crowd.get("/api/v1/tasks", f"X-Forwarded-For: {address}")
        assert received.startswith("HTTP/1.1 200")

    async def test_all_together_have_a_limit(self, front):
        edge = await front(**{"limit_conn everyone": "1"})

        async def waits(request, reader, writer):
            await reader.read(1)
            return False

        edge.upstream.answers["/api/v1/calendar"] = waits
        held = asyncio.create_task(edge.get("/api/v1/calendar"))
        await until(lambda: edge.upstream.seen)
        problem(await edge.get("/api/v1/tasks"), 503, "unavailable")
        held.cancel()
        await asyncio.gather(held, return_exceptions=True)

    async def test_idle_connections_make_room_when_there_is_none(self, front):
        edge = await front(worker_processes="1", worker_connections="64")
        idle = [await asyncio.open_connection("127.0.0.1", edge.port) for _ in range(100)]
        received = await edge.get("/api/v1/tasks")
        for _, writer in idle:
            writer.transport.abort()
        assert received.startswith("HTTP/1.1 200")


async def drip(edge, text: str, drop: str) -> float:
    """Send drops until nginx ends it; how long it was held."""
    began = time.monotonic()
    reader, writer = await asyncio.open_connection("127.0.0.1", edge.port)
    with contextlib.suppress(ConnectionError):
        writer.write(text.encode())
        ended = asyncio.create_task(reader.read())
        while not ended.done() and time.monotonic() - began < 10:
            writer.write(drop.encode())
            await asyncio.wait({ended}, timeout=0.1)
        ended.cancel()
        await asyncio.gather(ended, return_exceptions=True)
    writer.transport.abort()
    return time.monotonic() - began


async def until(true, *, seconds: float = 5.0) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not come about"
        await asyncio.sleep(0.01)
