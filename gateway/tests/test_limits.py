"""Fair shares: what one client takes is not another's."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.limits.buckets import Buckets, Policy
from gateway.limits.clients import UNKNOWN, Addresses, bucket_key
from gateway.proxy.routing import limit_class

from .factories import problem


class TestBuckets:
    def test_a_burst_passes_then_waits_until_a_token_has_come(self):
        buckets, policy = Buckets(), Policy("read", rate=2, burst=3)
        assert [buckets.take(policy, "a", 0).remaining for _ in range(3)] == [2, 1, 0]
        refused = buckets.take(policy, "a", 0.0)
        assert (refused.wait, refused.remaining, refused.full) == (1, 0, 2)
        assert buckets.take(policy, "a", 0.5).wait == 0
        assert buckets.take(policy, "a", 0.6).wait == 1

    def test_waiting_long_fills_the_bucket_and_no_more(self):
        buckets, policy = Buckets(), Policy("read", rate=10, burst=5)
        buckets.take(policy, "a", 0)
        assert buckets.take(policy, "a", 1000).remaining == 4

    def test_clients_and_classes_do_not_share(self):
        buckets = Buckets()
        one = Policy("read", rate=1, burst=1)
        assert buckets.take(one, "a", 0).wait == 0
        assert buckets.take(one, "a", 0).wait == 1
        assert buckets.take(one, "b", 0).wait == 0
        assert buckets.take(Policy("write", rate=1, burst=1), "a", 0).wait == 0

    def test_memory_is_bounded_and_the_longest_silent_is_forgotten(self, monkeypatch):
        monkeypatch.setattr("gateway.limits.buckets._CLIENTS", 3)
        buckets, policy = Buckets(), Policy("read", rate=1, burst=2)
        for client in "abcda":
            buckets.take(policy, client, 0)
        assert [client for _, client in buckets.levels] == ["c", "d", "a"]

    @given(
        rate=st.floats(0.1, 1000),
        burst=st.integers(1, 500),
        gaps=st.lists(st.floats(0, 3), max_size=60),
    )
    def test_no_pattern_of_requests_gets_more_than_burst_and_rate(self, rate, burst, gaps):
        buckets, policy, moment, passed = Buckets(), Policy("x", rate, burst), 0.0, 0
        for gap in gaps:
            moment += gap
            verdict = buckets.take(policy, "a", moment)
            passed += verdict.wait == 0
            assert 0 <= verdict.remaining <= burst
        assert passed <= burst + rate * moment + 1e-6

    def test_a_client_that_waits_as_told_passes(self):
        buckets, policy = Buckets(), Policy("x", rate=0.3, burst=1)
        buckets.take(policy, "a", 0)
        wait = buckets.take(policy, "a", 0).wait
        assert buckets.take(policy, "a", wait).wait == 0


class TestClasses:
    @pytest.mark.parametrize(
        ("method", "path", "expected"),
        [
            ("GET", "/api/v1/items", "read"),
            ("HEAD", "/api/v1/items", "read"),
            ("POST", "/api/v1/cases", "write"),
            ("DELETE", "/api/v1/x", "write"),
            ("POST", "/oauth2/token", "entry"),
            ("POST", "/oauth2/token/", "entry"),
            ("POST", "/oauth2/login", "entry"),
            ("POST", "/api/v1/identity/registrations", "entry"),
            ("GET", "/api/v1/progress", "progress"),
            ("POST", "/progress", "progress"),
            ("GET", "/oauth2/authorize", "read"),
        ],
    )
    def test_each_request_has_its_class(self, method, path, expected):
        assert limit_class(method, path) == expected


class TestAddresses:
    TRUSTED = Addresses("10.0.0.0/8, ::1")

    @pytest.mark.parametrize(
        ("peer", "forwarded", "expected"),
        [
            ("9.9.9.9", b"6.6.6.6", "9.9.9.9"),
            ("10.0.0.1", b"6.6.6.6", "6.6.6.6"),
            ("10.0.0.1", b"6.6.6.6, 7.7.7.7", "7.7.7.7"),
            ("10.0.0.1", b"7.7.7.7, 10.0.0.2", "7.7.7.7"),
            ("10.0.0.1", b"10.0.0.3, 10.0.0.2", "10.0.0.3"),
            ("10.0.0.1", b"nonsense, 10.0.0.2", "10.0.0.2"),
            ("10.0.0.1", b"", "10.0.0.1"),
            ("10.0.0.1", None, "10.0.0.1"),
            ("::1", b"2001:db8::1", "2001:db8::1"),
            ("unix", b"6.6.6.6", "unix"),
            (None, b"6.6.6.6", UNKNOWN),
        ],
    )
    def test_only_trusted_proxies_are_believed(self, peer, forwarded, expected):
        assert self.TRUSTED.client(peer, forwarded) == expected

    def test_without_trusted_proxies_nobody_is(self):
        assert Addresses("").client("10.0.0.1", b"6.6.6.6") == "10.0.0.1"

    def test_an_ipv6_customer_is_counted_once(self):
        assert bucket_key("2001:db8::1") == bucket_key("2001:db8::ffff") == "2001:db8::/64"
        assert bucket_key("2001:db8:0:1::1") != bucket_key("2001:db8::1")
        assert bucket_key("9.9.9.9") == "9.9.9.9"
        assert bucket_key("not:an:address") == "not:an:address"


class TestAtTheDoor:
    async def test_every_answer_tells_policy_and_rest(self, network):
        net = await network(read_rate=10, read_burst=50)
        for path in ("/api/v1/me/cases", "/api/v1/items", "/", "/nowhere", "/api/v1/x//y"):
            found = await net.client.get(path)
            assert found.headers["ratelimit-policy"] == '"read";q=50;w=5', path
            assert found.headers["ratelimit"].startswith('"read";r=4'), path

    async def test_too_many_are_429_and_no_service_hears_of_them(self, network):
        net = await network(write_rate=0.5, write_burst=2)
        for _ in range(2):
            assert (await net.client.post("/api/v1/cases", json={})).status_code == 200
        found = await net.client.post("/api/v1/cases", json={})
        problem(found, 429, "too-many-requests")
        assert found.headers["retry-after"] == "2"
        assert found.headers["ratelimit"] == '"write";r=0;t=4'
        assert len(net.case.seen) == 2
        assert (await net.client.get("/api/v1/tasks")).status_code == 200

    async def test_signed_in_people_behind_one_address_have_a_share_each(self, network, token):
        net = await network(read_rate=0.5, read_burst=2)
        first, second = token(), token()
        for headers in (first, first, second, second):
            found = await net.client.get("/api/v1/me/cases", headers=headers)
            assert found.status_code == 200
        assert (await net.client.get("/api/v1/me/cases", headers=first)).status_code == 429
        assert (await net.client.get("/api/v1/me/cases")).status_code == 200

    async def test_bad_tokens_and_bad_paths_count(self, network):
        net = await network(read_rate=0.5, read_burst=3)
        bad = {"Authorization": "Bearer a.b.c"}
        answers = [await net.client.get("/api/v1/me/cases", headers=bad) for _ in range(2)]
        answers.append(await net.client.get("/api/v1/items/%2e%2e"))
        answers.append(await net.client.get("/api/v1/me/cases", headers=bad))
        assert [one.status_code for one in answers] == [401, 401, 400, 429]

    async def test_guessing_query_codes_ends_soon_by_either_door(self, network, token):
        net = await network(progress_rate=0.1, progress_burst=4)
        form = {"case_no": "1", "query_code": "2"}
        seen = [(await net.client.get("/api/v1/progress?case_no=1")).status_code for _ in range(2)]
        seen += [(await net.client.post("/progress", data=form)).status_code for _ in range(3)]
        assert seen == [200, 200, 200, 200, 429]
        assert (await net.client.get("/api/v1/me/cases")).status_code == 200
        headers = token()
        seen = [
            (await net.client.get("/api/v1/progress", headers=headers)).status_code
            for _ in range(5)
        ]
        assert seen == [200, 200, 200, 200, 429]

    async def test_probes_are_never_refused(self, network):
        net = await network(read_rate=0.1, read_burst=1)
        found = await asyncio.gather(*(net.client.get("/livez") for _ in range(20)))
        assert {one.status_code for one in found} == {200}

    async def test_a_rate_of_zero_is_no_limit(self, network):
        net = await network(read_rate=0, read_burst=1)
        found = [await net.client.get("/api/v1/me/cases") for _ in range(5)]
        assert {one.status_code for one in found} == {200}
        assert "ratelimit" not in found[0].headers
