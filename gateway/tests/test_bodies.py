"""Bodies and framing, both ways."""

import asyncio
import hashlib
import json

import pytest

from .factories import answer, json_answer, problem, read, start

MIB = 1024 * 1024


async def pieces(total, size=64 * 1024):
    for _ in range(total // size):
        yield b"x" * size


async def test_small_bodies_pass_whole(network):
    net = await network()
    found = await net.client.post("/api/v1/cases", json={"名": "值"})
    assert found.status_code == 200
    assert json.loads(net.case.seen[0].body) == {"名": "值"}
    assert net.case.seen[0].one("content-length") == str(len(net.case.seen[0].body))
    assert net.case.seen[0].one("content-type") == "application/json"


async def test_chunked_bodies_pass(network):
    net = await network()
    found = await net.client.post("/api/v1/cases", content=pieces(256 * 1024))
    assert found.json()["size"] == 256 * 1024
    assert net.case.seen[0].one("transfer-encoding") == "chunked"


async def test_large_uploads_stream_with_their_length(network):
    net = await network()
    size = 20 * MIB
    headers = {"Content-Length": str(size)}
    found = await net.client.post("/api/v1/files", content=pieces(size), headers=headers)
    assert found.json()["size"] == size
    assert net.case.seen[0].all("content-length") == [str(size)]
    assert net.case.seen[0].all("transfer-encoding") == []


@pytest.mark.parametrize("announced", [True, False])
async def test_an_ordinary_body_over_1_mib_is_413(network, announced):
    net = await network()
    content = b"x" * (MIB + 1) if announced else pieces(2 * MIB)
    said = problem(await net.client.post("/api/v1/cases", content=content), 413, "too-large")
    assert str(MIB) in said["detail"]
    assert not any(len(one.body) > MIB for one in net.case.seen)


async def test_an_upload_over_its_limit_is_413_while_it_is_read(network):
    net = await network(upload_bytes=3 * MIB)
    found = await net.client.post("/api/v1/catalog/imports", content=pieces(8 * MIB))
    problem(found, 413, "too-large")
    assert net.catalog.seen[0].cut_off
    assert (await net.client.get("/livez")).status_code == 200


async def test_whoever_waits_with_100_continue_is_told_at_once(network):
    net = await network()
    received = await net.raw(
        "POST /api/v1/cases HTTP/1.1\r\nHost: x\r\nContent-Length: 9999999\r\n"
        "Expect: 100-continue\r\n\r\n",
        wait=0.5,
    )
    assert received.startswith("HTTP/1.1 413")


@pytest.mark.parametrize(
    "framing",
    [
        "Content-Length: 5\r\nContent-Length: 5\r\n",
        "Content-Length: 5\r\nContent-Length: 6\r\n",
        "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n",
        "Transfer-Encoding: gzip, chunked\r\n",
        "Transfer-Encoding: xchunked\r\n",
        "Content-Length: -1\r\n",
        "Content-Length: +5\r\n",
        "Content-Length: 0x5\r\n",
        "Content-Length : 5\r\n",
    ],
)
async def test_framing_that_can_be_read_two_ways_is_refused(network, framing):
    net = await network()
    received = await net.raw(
        f"POST /api/v1/cases HTTP/1.1\r\nHost: x\r\n{framing}\r\n"
        "0\r\n\r\nGET /api/v1/tasks HTTP/1.1\r\nHost: x\r\n\r\n",
        wait=0.5,
    )
    assert received.startswith("HTTP/1.1 400"), received
    assert received.count("HTTP/1.1 ") == 1
    assert not net.case.seen


async def test_pipelined_requests_are_answered_in_order(network):
    net = await network()
    one = "GET /api/v1/tasks?n={} HTTP/1.1\r\nHost: x\r\n{}\r\n"
    received = await net.raw(one.format(1, "") + one.format(2, "Connection: close\r\n"))
    assert received.count("HTTP/1.1 200") == 2
    assert [seen.query for seen in net.case.seen] == ["n=1", "n=2"]


async def test_head_has_the_headers_of_get_and_no_body(network):
    net = await network()
    body = b"0123456789"

    async def gives(seen, receive, send):
        await read(seen, receive)
        await answer(send, body)

    net.case.answers["/api/v1/calendar"] = gives
    received = await net.raw(
        "HEAD /api/v1/calendar HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    )
    head, _, rest = received.partition("\r\n\r\n")
    assert "content-length: 10" in head
    assert rest == ""


@pytest.mark.parametrize("status", [204, 304])
async def test_answers_without_a_body_have_no_framing(network, status):
    async def empty(seen, receive, send):
        await read(seen, receive)
        await start(send, status, [("etag", '"1"')])
        await send({"type": "http.response.body", "body": b""})

    net = await network()
    net.case.answers["/api/v1/calendar"] = empty
    received = await net.get_raw("/api/v1/calendar")
    head, _, rest = received.partition("\r\n\r\n")
    assert head.startswith(f"HTTP/1.1 {status}")
    assert "content-length" not in head
    assert "transfer-encoding" not in head
    assert 'etag: "1"' in head
    assert rest == ""


async def test_a_large_answer_streams_with_back_pressure(network):
    """A client that reads slowly slows the service down instead of filling the gateway."""
    total, sent = 64 * MIB, 0

    async def pours(seen, receive, send):
        nonlocal sent
        await read(seen, receive)
        await start(send, 200, [("content-length", str(total))])
        while sent < total:
            sent += 256 * 1024
            more = sent < total
            body = b"y" * (256 * 1024)
            await send({"type": "http.response.body", "body": body, "more_body": more})

    net = await network()
    net.case.answers["/api/v1/files/x"] = pours
    digest, size = hashlib.sha256(), 0
    async with net.client.stream("GET", "/api/v1/files/x") as found:
        stream = found.aiter_raw(64 * 1024)
        digest.update(await anext(stream))
        await asyncio.sleep(0.5)
        assert sent < 40 * MIB
        size += 64 * 1024
        async for chunk in stream:
            size += len(chunk)
    assert size == total


async def test_chunked_answers_stay_whole(network):
    async def drips(seen, receive, send):
        await read(seen, receive)
        await start(send, 200, [("content-type", "text/plain")])
        for number in range(20):
            piece = b"%d," % number
            await send({"type": "http.response.body", "body": piece, "more_body": True})
            await asyncio.sleep(0.001)
        await send({"type": "http.response.body", "body": b""})

    net = await network()
    net.case.answers["/api/v1/calendar"] = drips
    found = await net.client.get("/api/v1/calendar")
    assert found.text == "".join(f"{n}," for n in range(20))


async def test_the_service_may_answer_before_it_has_read_everything(network):
    async def impatient(seen, receive, send):
        await receive()
        await json_answer(send, {"no": "thanks"}, 403)

    net = await network()
    net.case.answers["/api/v1/files"] = impatient
    headers = {"Content-Length": str(8 * MIB)}
    found = await net.client.post("/api/v1/files", content=pieces(8 * MIB), headers=headers)
    assert found.status_code in {403, 503}
    assert (await net.client.get("/api/v1/tasks")).status_code == 200
