"""Services that are slow, away or break off; clients that leave."""

import asyncio
import contextlib

import httpx
import pytest

from gateway.proxy.upstreams import Service

from .factories import answer, json_answer, problem, read, start, until


def sleeps(started, ended):
    async def waits(seen, receive, send):
        await read(seen, receive)
        started.append(seen.path)
        try:
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    ended.append(seen.path)
                    return
        finally:
            pass

    return waits


async def test_a_slow_service_is_504_and_its_request_is_cancelled(network):
    net = await network(deadline_seconds=0.3)
    started, ended = [], []
    net.case.answers["/api/v1/tasks"] = sleeps(started, ended)
    problem(await net.client.get("/api/v1/tasks"), 504, "deadline-exceeded")
    await until(lambda: ended)
    assert net.gateway.upstreams.limits.by_service == {"case": 0}


async def test_uploads_have_a_deadline_of_their_own(network):
    net = await network(deadline_seconds=0.2, upload_deadline_seconds=5)

    async def slow(seen, receive, send):
        await read(seen, receive)
        await asyncio.sleep(0.6)
        await json_answer(send, {}, 201)

    net.case.answers["/api/v1/files"] = slow
    assert (await net.client.post("/api/v1/files", content=b"x")).status_code == 201


async def test_a_client_that_sends_too_slowly_is_408_and_holds_no_place(network):
    net = await network(deadline_seconds=0.3)
    received = await net.raw(
        "POST /api/v1/cases HTTP/1.1\r\nHost: x\r\nContent-Length: 50\r\nConnection: close\r\n\r\nx"
    )
    assert received.startswith("HTTP/1.1 408")
    assert not net.case.seen


async def test_a_stalled_answer_is_cut(network):
    net = await network(deadline_seconds=0.3)

    async def stalls(seen, receive, send):
        await read(seen, receive)
        await start(send, 200, [("content-length", "100000")])
        await send({"type": "http.response.body", "body": b"abc", "more_body": True})
        await asyncio.sleep(3)

    net.case.answers["/api/v1/calendar"] = stalls
    with pytest.raises(httpx.RemoteProtocolError):
        await net.client.get("/api/v1/calendar")
    assert net.gateway.upstreams.limits.by_service == {"case": 0}


async def test_a_small_answer_that_stalls_is_504_because_nothing_of_it_was_passed_on(network):
    net = await network(deadline_seconds=0.3)

    async def stalls(seen, receive, send):
        await read(seen, receive)
        await start(send, 200, [("content-length", "100")])
        await send({"type": "http.response.body", "body": b"abc", "more_body": True})
        await asyncio.sleep(3)

    net.case.answers["/api/v1/calendar"] = stalls
    problem(await net.client.get("/api/v1/calendar"), 504, "deadline-exceeded")
    assert net.gateway.upstreams.limits.by_service == {"case": 0}


async def test_a_service_that_is_down_is_503_with_retry_after(network):
    net = await network()
    await net.case.stop()
    for method in ("GET", "POST"):
        found = await net.client.request(method, "/api/v1/tasks", json={})
        problem(found, 503, "upstream-unavailable")
        assert int(found.headers["retry-after"]) > 0
    await net.case.start()
    assert (await net.client.get("/api/v1/tasks")).status_code == 200


def kills(service, times=1):
    """Cuts the socket under the request, `times` times."""
    calls = []

    async def answers(seen, receive, send):
        await read(seen, receive)
        calls.append(seen.method)
        if len(calls) > times:
            await json_answer(send, {"tries": len(calls)})
            return
        for connection in list(service.server.server_state.connections):
            connection.transport.abort()
        await asyncio.sleep(0.05)

    answers.calls = calls
    return answers


async def test_a_read_is_tried_once_more_on_a_broken_connection(network):
    net = await network()
    net.case.answers["/api/v1/tasks"] = kills(net.case)
    found = await net.client.get("/api/v1/tasks")
    assert found.json() == {"tries": 2}


async def test_a_write_is_never_tried_again(network):
    net = await network()
    net.case.answers["/api/v1/cases"] = kills(net.case)
    found = await net.client.post("/api/v1/cases", json={})
    problem(found, 503, "outcome-unknown")
    assert "Idempotency-Key" in found.json()["detail"]
    assert net.case.answers["/api/v1/cases"].calls == ["POST"]


async def test_a_write_with_a_key_is_tried_once_more_because_the_service_does_it_once(network):
    net = await network()
    net.case.answers["/api/v1/cases"] = kills(net.case)
    sent = {"Idempotency-Key": "k1"}
    found = await net.client.post("/api/v1/cases", json={}, headers=sent)
    assert found.json() == {"tries": 2}
    net.case.answers["/api/v1/cases"] = kills(net.case, times=2)
    found = await net.client.post("/api/v1/cases", json={}, headers=sent)
    problem(found, 503, "outcome-unknown")


async def test_the_next_address_is_asked_when_one_refuses(network):
    net = await network()
    both = ["http://127.0.0.1:1", net.case.address]
    net.gateway.upstreams.services["case"] = Service(both)
    for _ in range(4):
        assert (await net.client.post("/api/v1/tasks", json={})).status_code == 200


async def test_a_client_may_ask_for_a_shorter_deadline_and_the_service_hears_of_it(network):
    net = await network(deadline_seconds=20)
    await net.client.get("/api/v1/me/cases")
    assert net.case.seen[0].one("x-request-timeout-ms") == "20000"
    started, ended = [], []
    net.case.answers["/api/v1/tasks"] = sleeps(started, ended)
    sent = {"X-Request-Timeout-Ms": "200"}
    problem(await net.client.get("/api/v1/tasks", headers=sent), 504, "deadline-exceeded")
    assert net.case.seen[1].one("x-request-timeout-ms") == "200"


async def test_a_service_killed_mid_answer_shows_as_a_cut_answer(network):
    net = await network()

    async def dies(seen, receive, send):
        await read(seen, receive)
        await start(send, 200, [("content-length", "100000")])
        await send({"type": "http.response.body", "body": b"half", "more_body": True})
        await asyncio.sleep(0.05)
        for connection in list(net.case.server.server_state.connections):
            connection.transport.abort()

    net.case.answers["/api/v1/calendar"] = dies
    with pytest.raises(httpx.RemoteProtocolError):
        await net.client.get("/api/v1/calendar")
    assert (await net.client.get("/api/v1/tasks")).status_code == 200


async def test_a_client_that_leaves_cancels_the_service(network):
    net = await network()
    started, ended = [], []
    net.case.answers["/api/v1/tasks"] = sleeps(started, ended)
    with contextlib.suppress(httpx.ReadTimeout):
        await net.client.get("/api/v1/tasks", timeout=0.3)
    await until(lambda: ended)
    await until(lambda: net.gateway.upstreams.limits.by_service == {"case": 0})


async def test_a_client_that_leaves_mid_upload_cancels_it(network):
    net = await network()
    _, writer = await asyncio.open_connection("127.0.0.1", net.port)
    writer.write(
        b"POST /api/v1/files HTTP/1.1\r\nHost: x\r\nContent-Length: 5000000\r\n\r\n" + b"x" * 200000
    )
    await writer.drain()
    await until(lambda: net.case.seen and net.case.seen[0].body)
    writer.close()
    await until(lambda: net.case.seen[0].cut_off)
    await until(lambda: net.gateway.upstreams.upload_limits.by_service == {"case": 0})


async def test_more_than_a_service_can_bear_is_503_and_others_are_not_touched(network):
    net = await network(upstream_concurrency=2)
    started, ended = [], []
    net.case.answers["/api/v1/tasks"] = sleeps(started, ended)
    held = [asyncio.create_task(net.client.get("/api/v1/tasks")) for _ in range(2)]
    await until(lambda: len(started) == 2)
    found = await net.client.get("/api/v1/tasks")
    problem(found, 503, "overloaded")
    assert found.headers["retry-after"] == "1"
    assert (await net.client.get("/api/v1/me/certificates")).status_code == 200
    for one in held:
        one.cancel()
    await asyncio.gather(*held, return_exceptions=True)
    await until(lambda: net.gateway.upstreams.limits.by_service["case"] == 0)


async def test_an_answer_that_is_not_http_is_502(network):
    net = await network()

    async def babble(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"this is not http\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(babble, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    net.gateway.upstreams.services["case"] = Service([f"http://127.0.0.1:{port}"])
    problem(await net.client.get("/api/v1/tasks"), 502, "bad-gateway")
    server.close()


async def test_stopping_finishes_what_is_under_way(network):
    net = await network(grace_seconds=5)

    async def slow(seen, receive, send):
        await read(seen, receive)
        await asyncio.sleep(0.5)
        await answer(send, b"done")

    net.case.answers["/api/v1/tasks"] = slow
    under_way = asyncio.create_task(net.client.get("/api/v1/tasks"))
    await until(lambda: net.case.seen)
    net.server.should_exit = True
    await until(lambda: net.gateway.health.stopping)
    assert (await under_way).text == "done"
    with pytest.raises(httpx.ConnectError):
        await net.client.get("/livez")
