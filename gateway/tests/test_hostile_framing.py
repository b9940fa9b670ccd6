"""Requests that two readers could take differently: nothing slips through."""

import asyncio
import json

import pytest

from .factories import until

HIDDEN = "GET /api/v1/tasks?smuggled=1 HTTP/1.1\r\nHost: x\r\n\r\n"
POST = "POST /api/v1/cases HTTP/1.1\r\nHost: x\r\n"
CHUNKED = POST + "Transfer-Encoding: chunked\r\n\r\n"
GET = "GET /api/v1/cases HTTP/1.1\r\n"
LENGTH = len(HIDDEN)

# What another server might take for one request, for two, or for another body.
PAIRS = {
    "CL.TE": POST + "Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + HIDDEN,
    "TE.CL": POST + f"Transfer-Encoding: chunked\r\nContent-Length: {LENGTH}\r\n\r\n" + HIDDEN,
    "TE.TE": POST + "Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n\r\n0\r\n\r\n" + HIDDEN,
    "TE.TE comma": POST + "Transfer-Encoding: chunked, x\r\n\r\n0\r\n\r\n" + HIDDEN,
    "TE quoted": POST + 'Transfer-Encoding: "chunked"\r\n\r\n0\r\n\r\n' + HIDDEN,
    "TE vertical tab": POST + "Transfer-Encoding:\x0bchunked\r\n\r\n0\r\n\r\n" + HIDDEN,
    "TE space before colon": POST + "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n" + HIDDEN,
    "TE folded": POST + "Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n" + HIDDEN,
    "TE null": POST + "Transfer-Encoding: chunked\x00\r\n\r\n0\r\n\r\n" + HIDDEN,
    "TE identity": POST + "Transfer-Encoding: identity\r\n\r\n" + HIDDEN,
    "TE empty": POST + "Transfer-Encoding:\r\n\r\n" + HIDDEN,
    "TE of 1.0": CHUNKED.replace("HTTP/1.1", "HTTP/1.0") + "0\r\n\r\n" + HIDDEN,
    "CL twice": POST + f"Content-Length: 0\r\nContent-Length: {LENGTH}\r\n\r\n" + HIDDEN,
    "CL list": POST + "Content-Length: 0, 0\r\n\r\n" + HIDDEN,
    "CL signed": POST + "Content-Length: +0\r\n\r\n" + HIDDEN,
    "CL hexadecimal": POST + "Content-Length: 0x0\r\n\r\n" + HIDDEN,
    "CL with spaces": POST + "Content-Length: 0 0\r\n\r\n" + HIDDEN,
    "CL empty": POST + "Content-Length:\r\n\r\n" + HIDDEN,
    "CL beyond 64 bits": POST + "Content-Length: 18446744073709551616\r\n\r\n" + HIDDEN,
    "folded header": GET + "Host: x\r\nX-A: b\r\n c\r\n\r\n" + HIDDEN,
    "bare LF": GET.replace("\r\n", "\n") + "Host: x\n\n" + HIDDEN,
    "bare LF after a header": GET + "Host: x\nX-A: b\r\n\r\n" + HIDDEN,
    "bare LF at the end": GET + "Host: x\r\n\n" + HIDDEN,
    "bare CR": GET + "Host: x\r\nX-A: b\rX-B: c\r\n\r\n" + HIDDEN,
    "null in a name": GET + "Host: x\r\nX\x00A: b\r\n\r\n" + HIDDEN,
    "no name": GET + "Host: x\r\n: b\r\n\r\n" + HIDDEN,
    "first line folded": GET + " Host: x\r\n\r\n" + HIDDEN,
    "no host": GET + "X-A: b\r\n\r\n" + HIDDEN.replace("Host: x\r\n", ""),
    "two hosts": GET + "Host: x\r\nHost: y\r\n\r\n",
    "two tokens": GET + "Host: x\r\nAuthorization: Bearer a\r\nAuthorization: Bearer b\r\n\r\n",
    "chunk size signed": CHUNKED + "-1\r\n" + HIDDEN,
    "chunk size hexadecimal prefix": CHUNKED + "0x0\r\n\r\n" + HIDDEN,
    "chunk size with a space": CHUNKED + "0 \r\n\r\n" + HIDDEN,
    "chunk size beyond 64 bits": CHUNKED + "10000000000000000\r\n" + HIDDEN,
    "chunk size empty": CHUNKED + "\r\n\r\n" + HIDDEN,
    "chunk with bare LF": CHUNKED + "0\n\r\n" + HIDDEN,
    "chunk longer than told": CHUNKED + "1\r\nab\r\n0\r\n\r\n" + HIDDEN,
    "chunk extension with LF": CHUNKED + '1;a="\n"\r\na\r\n0\r\n\r\n' + HIDDEN,
    "chunk extension with a null": CHUNKED + "1;a=\x00\r\na\r\n0\r\n\r\n" + HIDDEN,
}
# What is no HTTP/1.0 or 1.1 at all, or asks for something a gateway must not be used for.
FOREIGN = {
    "0.9": "GET /api/v1/tasks\r\n\r\n",
    "0.9 by name": "GET /api/v1/tasks HTTP/0.9\r\n\r\n",
    "2.0 by name": "GET /api/v1/tasks HTTP/2.0\r\nHost: x\r\n\r\n",
    "1.2": "GET /api/v1/tasks HTTP/1.2\r\nHost: x\r\n\r\n",
    "HTTP/2": "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00",
    "TLS": "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "CONNECT": "CONNECT 127.0.0.1:22 HTTP/1.1\r\nHost: x\r\n\r\n",
    "absolute, other scheme": "GET file:///etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n",
    "asterisk": "OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n",
    "unknown method": "SMUGGLE /api/v1/tasks HTTP/1.1\r\nHost: x\r\n\r\n",
    "lower case": "get /api/v1/tasks HTTP/1.1\r\nHost: x\r\n\r\n",
    "PROXY protocol": "PROXY TCP4 6.6.6.6 7.7.7.7 1 80\r\n" + HIDDEN,
    "SSH": "SSH-2.0-OpenSSH_9.9\r\n",
}


async def test_a_smuggling_pair_is_refused_as_a_whole(network):
    net = await network(write_rate=0, read_rate=0)
    received = await asyncio.gather(*(net.raw(text, wait=0.5) for text in PAIRS.values()))
    answers = dict(zip(PAIRS, received, strict=True))
    assert {name: one for name, one in answers.items() if not _is_refusal(one)} == {}
    assert not any("smuggled" in seen.query for seen in net.case.seen)
    # A body that turns out broken on its way is broken for the service too.
    await until(lambda: all(seen.cut_off for seen in net.case.seen))


def _is_refusal(received):
    """One answer, 400, and the connection is over; what uvicorn's parser refuses it says itself."""
    head, _, body = received.partition("\r\n\r\n")
    ours = "application/problem+json" in head
    slug = json.loads(body)["type"].rpartition(":")[2] if ours else "bad-request"
    ends = "connection: close" in head or slug == "bad-path"
    alone = received.count("HTTP/1.1 ") == 1 and head.startswith("HTTP/1.1 400")
    return alone and ends and slug in {"bad-request", "bad-path"}


async def test_what_is_not_for_us_reaches_nobody(network):
    net = await network()
    received = await asyncio.gather(*(net.raw(text, wait=0.5) for text in FOREIGN.values()))
    answers = dict(zip(FOREIGN, received, strict=True))
    assert {name: one for name, one in answers.items() if not _is_refusal(one)} == {}
    assert not any(one.seen for one in net.services.values())
    assert (await net.client.get("/livez")).status_code == 200


@pytest.mark.parametrize(
    "target", ["http://evil.example/api/v1/tasks", "/api/v1/tasks#/../x", "/api/v1/tasks#x?y"]
)
async def test_of_an_address_only_path_and_query_count(network, target):
    """RFC 9112, 3.2.2: a server takes the absolute form as well; the service hears our own name."""
    net = await network()
    assert (await net.get_raw(target)).startswith("HTTP/1.1 200")
    (seen,) = net.case.seen
    assert (seen.raw_path, seen.query) == ("/api/v1/tasks", "")
    assert seen.all("host") == seen.all("x-forwarded-host") == ["onenet.test"]


@pytest.mark.parametrize("method", ["TRACE", "CONNECT"])
async def test_methods_a_proxy_would_know_are_refused_and_echo_nothing(network, method):
    net = await network()
    received = await net.raw(
        f"{method} /api/v1/tasks HTTP/1.1\r\nHost: x\r\nCookie: secret\r\nConnection: close\r\n\r\n"
    )
    assert received.startswith("HTTP/1.1 405")
    assert "secret" not in received
    assert not net.case.seen


async def test_1_0_is_answered_and_closed(network):
    net = await network()
    received = await net.raw("GET /api/v1/tasks HTTP/1.0\r\n\r\n" + HIDDEN)
    assert received.startswith("HTTP/1.1 200")
    assert received.count("HTTP/1.1 ") == 1
    assert [seen.query for seen in net.case.seen] == [""]


TRAILERS = "X-Forwarded-For: 6.6.6.6\r\nAuthorization: Bearer x\r\nX-Internal-Actor: root\r\n"


async def test_late_trailers_never_become_headers(network):
    """They come after the checks: an address or a token among them would be believed."""
    net = await network(trusted_proxies="127.0.0.0/8")
    reader, writer = await asyncio.open_connection("127.0.0.1", net.port)
    head = "X-Forwarded-For: 9.9.9.9\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n"
    writer.write(f"{POST}{head}Trailer: X-Forwarded-For\r\n\r\n2;ext=1\r\n{{}}\r\n".encode())
    await until(lambda: net.case.seen)
    writer.write(f"0\r\n{TRAILERS}\r\n".encode())
    assert (await reader.read()).startswith(b"HTTP/1.1 200")
    writer.close()
    (seen,) = net.case.seen
    assert seen.all("x-forwarded-for") == ["9.9.9.9"]
    for name in ("authorization", "x-internal-actor", "trailer"):
        assert seen.all(name) == []
    assert bytes(seen.body) == b"{}"


async def test_trailers_that_come_with_the_head_are_judged_like_headers(network):
    """The server hands them over among the headers; nothing of them is believed unchecked."""
    net = await network()
    chunks = f"Transfer-Encoding: chunked\r\n\r\n2\r\n{{}}\r\n0\r\n{TRAILERS}\r\n"
    assert (await net.raw(POST + chunks, wait=0.5)).startswith("HTTP/1.1 401")
    twice = await net.raw(f"{POST}Authorization: Basic eDp5\r\n{chunks}", wait=0.5)
    assert twice.startswith("HTTP/1.1 400")
    assert not net.case.seen


async def test_what_follows_a_broken_request_reaches_nobody(network):
    net = await network()
    received = await net.raw(
        "GET /api/v1/tasks?n=1 HTTP/1.1\r\nHost: x\r\n\r\n"
        "GET /api/v1/tasks?n=2 HTTP/1.1\r\nHost: x\r\n\r\nnonsense\r\n\r\n" + HIDDEN
    )
    assert received.count("HTTP/1.1 400") == 1
    await asyncio.sleep(0.1)
    assert {seen.query for seen in net.case.seen} <= {"n=1", "n=2"}


async def test_a_broken_chunk_ends_a_streamed_upload_for_the_service_too(network):
    net = await network()
    received = await net.raw(
        "POST /api/v1/files HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
        "10000\r\n" + "x" * 65536 + "\r\nzz\r\n" + HIDDEN,
        wait=0.5,
    )
    assert received.startswith("HTTP/1.1 400")
    assert received.count("HTTP/1.1 ") == 1
    await until(lambda: all(seen.cut_off for seen in net.case.seen))
    assert all(seen.path == "/api/v1/files" for seen in net.case.seen)


async def test_an_upgrade_is_not_followed(network):
    net = await network()
    for kind in ("h2c", "websocket"):
        received = await net.raw(
            f"GET /api/v1/tasks HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: {kind}\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
            wait=0.5,
        )
        assert received.startswith("HTTP/1.1 200"), received
    assert all(seen.all("upgrade") == [] for seen in net.case.seen)


UPGRADE = "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAEAAEAA\r\n"


@pytest.mark.parametrize("separately", [False, True])
@pytest.mark.parametrize("framing", [f"Content-Length: {LENGTH}", "Transfer-Encoding: chunked"])
async def test_a_body_behind_an_upgrade_is_refused_and_is_no_request(network, framing, separately):
    """The parser stops at an upgrade: what follows would be lost, or be read as a request."""
    net = await network()
    reader, writer = await asyncio.open_connection("127.0.0.1", net.port)
    head = f"{POST}{UPGRADE}{framing}\r\n\r\n"
    for part in (head, HIDDEN) if separately else (head + HIDDEN,):
        writer.write(part.encode())
        await asyncio.sleep(0.05 if separately else 0)
    received = (await asyncio.wait_for(reader.read(), 5)).decode()
    writer.close()
    assert _is_refusal(received), received
    assert not net.case.seen


@pytest.mark.parametrize("lines", ["X-Mine", "X-Mine\r\nConnection: close"])
@pytest.mark.parametrize(
    "name", ["content-length", "Host", "authorization", "idempotency-key", "Accept-Language"]
)
async def test_connection_hides_nothing_that_both_must_see(network, name, lines):
    """A service that does not see the length takes the body for the next client's request."""
    net = await network()
    received = await net.raw(
        f"{POST}Connection: {name}, {lines}\r\nContent-Length: {LENGTH}\r\n\r\n" + HIDDEN, wait=0.5
    )
    assert received.startswith("HTTP/1.1 400"), received
    assert not net.case.seen


async def test_every_line_of_connection_counts(network):
    net = await network()
    found = await net.get_raw("/api/v1/tasks", "X-Mine: 1", "Connection: x-mine", "Connection: te")
    assert found.startswith("HTTP/1.1 200")
    assert net.case.seen[0].all("x-mine") == []


async def test_much_pipelining_keeps_nobody_else_waiting(network):
    net = await network(read_rate=0)
    task = asyncio.create_task(net.raw(HIDDEN.replace("smuggled", "n") * 1000, wait=1))
    for _ in range(3):
        assert (await net.client.get("/livez")).status_code == 200
    assert (await task).count("HTTP/1.1 200") == 1000
    assert len(net.case.seen) == 1000
