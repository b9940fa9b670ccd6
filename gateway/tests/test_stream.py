"""Live progress: who may, what is told, and when it ends."""

import asyncio
import contextlib
import json
import time

import nats
import pytest

from chassis import clock

from .factories import gives, problem, until


class Progress:
    """One open stream, read event by event."""

    def __init__(self, lines):
        self.lines = lines

    async def next(self):
        """The next event as a dict; comments under `comment`; None at the end."""
        event = {}
        async for line in self.lines:
            if not line and event:
                return event
            if line:
                name, _, value = line.partition(":")
                event[name or "comment"] = value.strip()
        return None


class Bus:
    def __init__(self, nc):
        self.nc, self.js = nc, nc.jetstream()

    async def happens(self, case_id, sequence, event="case.accepted.v1", **more):
        envelope = {
            "type": event,
            "time": "2026-11-23T00:00:00Z",
            "sequence": sequence,
            "data": {"case_no": "secret", "person_id": "secret"},
        }
        content = json.dumps(envelope | more).encode()
        await self.js.publish(f"onenet.{event}.{case_id}", content)


@pytest.fixture
async def bus(nats_url):
    nc = await nats.connect(nats_url)
    found = Bus(nc)
    await found.js.add_stream(name="CASE", subjects=["onenet.case.>"])
    yield found
    await nc.close()


@pytest.fixture
async def place(network, nats_url, bus):
    async def make(case_id, **settings):
        net = await network(**{"nats_url": nats_url} | settings)
        net.case.answers[f"/api/v1/cases/{case_id}/clock"] = gives({"clocks": []})
        await until(lambda: net.gateway.bus.is_connected)
        return net

    return make


@contextlib.asynccontextmanager
async def opened(net, case_id, headers, *, last=None):
    more = {"Last-Event-ID": str(last)} if last is not None else {}
    path = f"/api/v1/cases/{case_id}/stream"
    async with net.client.stream("GET", path, headers=headers | more, timeout=10) as found:
        assert found.status_code == 200
        assert found.headers["content-type"].startswith("text/event-stream")
        assert found.headers["cache-control"] == "no-store"
        progress = Progress(found.aiter_lines())
        assert (await progress.next())["event"] == "open"
        yield progress


async def test_a_step_is_told_without_anything_personal(place, bus, token):
    case_id = clock.new_id()
    net = await place(case_id)
    headers = token()
    async with opened(net, case_id, headers) as progress:
        await bus.happens(clock.new_id(), 1)
        await bus.happens(case_id, 7, "case.decided.v1")
        event = await progress.next()
    assert (event["event"], event["id"]) == ("case.decided.v1", "7")
    assert json.loads(event["data"]) == {
        "type": "case.decided.v1",
        "time": "2026-11-23T00:00:00Z",
        "sequence": 7,
    }
    (asked,) = net.case.seen
    assert asked.path == f"/api/v1/cases/{case_id}/clock"
    assert asked.one("authorization") == headers["Authorization"]


async def test_who_was_away_gets_what_was_missed_once(place, bus, token):
    case_id = clock.new_id()
    net = await place(case_id)
    for sequence in range(1, 6):
        await bus.happens(case_id, sequence)
    async with opened(net, case_id, token(), last=2) as progress:
        await bus.happens(case_id, 6)
        found = [(await progress.next())["id"] for _ in range(4)]
    assert found == ["3", "4", "5", "6"]


async def test_without_a_last_id_only_news_are_told(place, bus, token):
    case_id = clock.new_id()
    net = await place(case_id)
    await bus.happens(case_id, 1)
    async with opened(net, case_id, token()) as progress:
        await bus.happens(case_id, 2)
        assert (await progress.next())["id"] == "2"


async def test_silence_is_filled_with_comments(place, token):
    case_id = clock.new_id()
    net = await place(case_id)
    net.gateway.streams.heartbeat_seconds = 0.05
    async with opened(net, case_id, token()) as progress:
        assert "comment" in await progress.next()


async def test_it_ends_when_the_token_does(place, token):
    case_id = clock.new_id()
    net = await place(case_id)
    async with opened(net, case_id, token(exp=int(time.time()) + 2)) as progress:
        assert await progress.next() is None
    await until(lambda: not net.gateway.streams.open)


async def test_it_ends_when_the_gateway_stops(place, token):
    case_id = clock.new_id()
    net = await place(case_id, grace_seconds=10)
    async with opened(net, case_id, token()) as progress:
        started = time.monotonic()
        net.server.should_exit = True
        assert await progress.next() is None
        assert time.monotonic() - started < 3


async def test_its_place_is_free_when_the_client_leaves(place, token):
    case_id = clock.new_id()
    net = await place(case_id)
    async with opened(net, case_id, token()):
        assert net.gateway.streams.open.total() == 1
    await until(lambda: not net.gateway.streams.open)


async def test_places_are_limited_per_client_and_in_all(place, token):
    case_id = clock.new_id()
    net = await place(case_id, stream_limit=2, stream_limit_per_client=1)
    first, second, third = token(), token(), token()
    path = f"/api/v1/cases/{case_id}/stream"
    async with opened(net, case_id, first):
        problem(await net.client.get(path, headers=first), 503, "overloaded")
        async with opened(net, case_id, second):
            problem(await net.client.get(path, headers=third), 503, "overloaded")


async def test_a_reader_too_slow_to_follow_is_cut_off_and_misses_nothing(place, bus, token):
    case_id = clock.new_id()
    net = await place(case_id)
    async with opened(net, case_id, token()) as progress:
        for sequence in range(1, 401):
            await bus.nc.publish(
                f"onenet.case.accepted.v1.{case_id}",
                json.dumps({"type": "t", "time": "x", "sequence": sequence}).encode(),
            )
        await bus.nc.flush()
        got = [int(event["id"]) async for event in _all(progress)]
    assert got == list(range(1, len(got) + 1))
    await asyncio.sleep(0.1)
    async with opened(net, case_id, token(), last=got[-1] if got else 0) as progress:
        await bus.happens(case_id, 401)
        rest = [int((await progress.next())["id"]) for _ in range(401 - len(got))]
    assert got + rest == list(range(1, 402))


async def _all(progress):
    while True:
        try:
            event = await asyncio.wait_for(progress.next(), 0.7)
        except TimeoutError:
            return
        if event is None:
            return
        if "id" in event:
            yield event


async def test_who_may_not_see_the_case_gets_the_services_refusal(place, token):
    case_id = clock.new_id()
    net = await place(case_id)
    refusal = {"type": "urn:onenet:problem:case-not-found", "status": 404}
    net.case.answers[f"/api/v1/cases/{case_id}/clock"] = gives(refusal, 404)
    found = await net.client.get(f"/api/v1/cases/{case_id}/stream", headers=token())
    assert (found.status_code, found.json()) == (404, refusal)
    assert not net.gateway.streams.open


@pytest.mark.parametrize("case_id", ["*", ">", "a.b", "1", "x y"])
async def test_only_an_id_is_an_id(place, token, case_id):
    net = await place(case_id)
    found = await net.client.get(f"/api/v1/cases/{case_id}/stream", headers=token())
    problem(found, 404, "not-found")
    assert not net.case.seen


async def test_it_is_for_the_signed_in_and_for_reading(place, token):
    case_id = clock.new_id()
    net = await place(case_id)
    path = f"/api/v1/cases/{case_id}/stream"
    problem(await net.client.get(path), 401, "unauthenticated")
    found = await net.client.post(path, headers=token())
    problem(found, 405, "method-not-allowed")
    assert found.headers["allow"] == "GET"


async def test_without_the_bus_it_is_503(place, token):
    case_id = clock.new_id()
    net = await place(case_id)
    await net.gateway.bus.close()
    found = await net.client.get(f"/api/v1/cases/{case_id}/stream", headers=token())
    problem(found, 503, "upstream-unavailable")
