"""Two gateways on one bus give a client one share."""

import json

import nats
import pytest

from chassis.testing.servers import free_port
from gateway.limits.buckets import Buckets, Policy
from gateway.limits.distributed import SUBJECT

from .factories import bus_server, until

PATH = "/api/v1/me/cases"
POLICY = Policy("read", rate=2, burst=10)


class TestNoting:
    def test_what_another_pod_gave_is_missing_here(self):
        buckets = Buckets()
        buckets.note(POLICY, "a", 7, 0)
        assert [buckets.take(POLICY, "a", 0).wait for _ in range(4)] == [0, 0, 0, 1]
        assert buckets.taken == {("read", "a"): 3}

    def test_what_was_given_too_much_is_owed(self):
        buckets = Buckets()
        for _ in range(10):
            buckets.take(POLICY, "a", 0)
        buckets.note(POLICY, "a", 6, 0)
        refused = buckets.take(POLICY, "a", 0)
        assert (refused.wait, refused.remaining, refused.full) == (4, 0, 8)
        assert buckets.take(POLICY, "a", 3.5).wait == 0

    def test_nobody_owes_more_than_one_burst(self):
        buckets = Buckets()
        buckets.note(POLICY, "a", 10_000, 0)
        assert buckets.take(POLICY, "a", 0).wait == 6

    def test_memory_is_bounded_by_what_is_told_too(self, monkeypatch):
        monkeypatch.setattr("gateway.limits.buckets._CLIENTS", 2)
        buckets = Buckets()
        for client in "abc":
            buckets.note(POLICY, client, 1, 0)
        assert [client for _, client in buckets.levels] == ["b", "c"]


@pytest.fixture
def pods(network, nats_url):
    """Two gateways that count together, each with services of its own."""

    async def start(url=nats_url, **settings):
        pods = [await network(nats_url=url, **settings) for _ in range(2)]
        for pod in pods:
            await until(lambda nc=pod.gateway.bus: SUBJECT in subjects(nc))
            await pod.gateway.bus.flush()
        return pods

    return start


def subjects(nc):
    return [one.subject for one in nc._subs.values()]


def left(pod, client="127.0.0.1"):
    return pod.gateway.buckets.levels.get(("read", client), (99.0, 0))[0]


async def passed(pod, times, headers=None):
    answers = [await pod.client.get(PATH, headers=headers) for _ in range(times)]
    return [one.status_code for one in answers].count(200)


async def test_two_pods_together_give_one_share(pods):
    first, second = await pods(read_rate=0.01, read_burst=20)
    assert await passed(first, 12) == 12
    await until(lambda: left(second) < 9)
    assert await passed(second, 20) == 8
    await until(lambda: left(first) < 1)
    assert await passed(first, 3) == 0


async def test_a_burst_at_both_at_once_is_owed_afterwards(pods):
    first, second = await pods(read_rate=0.01, read_burst=10)
    assert await passed(first, 10) + await passed(second, 10) <= 20
    await until(lambda: left(first) < 0 and left(second) < 0)
    found = await first.client.get(PATH)
    assert found.status_code == 429
    assert int(found.headers["retry-after"]) > 100


async def test_other_clients_keep_their_share(pods, token):
    first, second = await pods(read_rate=0.01, read_burst=10)
    greedy, other = token(), token()
    assert await passed(first, 12, greedy) == 10
    sub = next(client for _, client in first.gateway.buckets.levels)
    await until(lambda: left(second, sub) < 1)
    assert await passed(second, 3, greedy) == 0
    assert await passed(second, 10, other) == 10


async def test_while_the_bus_is_away_each_pod_limits_alone(pods, tmp_path):
    port = free_port()
    bus = bus_server(port, tmp_path)
    first, second = await pods(f"nats://127.0.0.1:{port}", read_rate=0.01, read_burst=5)
    bus.terminate()
    bus.wait()
    await until(lambda: not first.gateway.bus.is_connected and not second.gateway.bus.is_connected)
    assert await passed(first, 8) == 5
    assert await passed(second, 8) == 5


async def test_messages_of_another_kind_change_nothing(pods, nats_url):
    first, _ = await pods(read_rate=0.01, read_burst=5)
    bus = await nats.connect(nats_url)
    strange = [b"", b"[]", b"null", b'{"pod": 1}', b'{"pod": "x", "taken": [[1]]}']
    told = {"pod": "x", "taken": [["nothing", "127.0.0.1", 9], ["read", "127.0.0.1", -9]]}
    for message in (*strange, json.dumps(told).encode()):
        await bus.publish(SUBJECT, message)
    await bus.flush()
    await bus.close()
    assert await passed(first, 6) == 5
