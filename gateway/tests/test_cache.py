"""Kept answers are never older than what is true."""

import asyncio
import json

import httpx
import nats
import pytest

from chassis.testing.servers import free_port

from .factories import answer, bus_server, json_answer, problem, read, until

ITEM = "/api/v1/items/1"
PUBLIC = "public, max-age=0, s-maxage=300"


class Item:
    """A thing with a version; reading takes a moment, writing raises the version."""

    def __init__(self, control=PUBLIC, delay=0.0):
        self.version, self.control, self.delay = 1, control, delay
        self.reads = self.unchanged = 0

    async def read(self, seen, receive, send):
        await read(seen, receive)
        self.reads += 1
        version = self.version
        await asyncio.sleep(self.delay)
        headers = [("etag", f'"{version}"'), ("cache-control", self.control)]
        headers.append(("vary", "Accept-Language"))
        if seen.all("if-none-match") == [f'"{version}"']:
            self.unchanged += 1
            await answer(send, b"", 304, headers=headers)
            return
        language = (seen.all("accept-language") or ["zh"])[0]
        content = {"version": version, "language": language, "for": seen.all("authorization")}
        await json_answer(send, content, headers=headers)

    async def write(self, seen, receive, send):
        await read(seen, receive)
        self.version += 1
        await json_answer(send, {"version": self.version})


@pytest.fixture
async def place(network, nats_url):
    async def make(item, **settings):
        net = await network(**{"nats_url": nats_url} | settings)
        net.catalog.answers[ITEM] = item.read
        net.catalog.answers["/api/v1/catalog/items/1/approval"] = item.write
        if settings.get("nats_url") is None:
            await until(lambda: net.gateway.cache.listening)
        return net

    return make


class TestReading:
    async def test_the_second_read_does_not_reach_the_service(self, place):
        item = Item()
        net = await place(item)
        first, second = await net.client.get(ITEM), await net.client.get(ITEM)
        assert item.reads == 1
        assert first.content == second.content
        assert second.headers["age"] == "0"
        assert second.headers["cache-control"] == "public, max-age=0"
        assert second.headers["content-type"] == "application/json"
        assert first.headers["x-request-id"] != second.headers["x-request-id"]

    async def test_query_language_and_accept_are_answers_of_their_own(self, place):
        item = Item()
        net = await place(item)
        for query in ("", "?a=1", "?a=2"):
            for language in ("zh-CN", "en"):
                headers = {"Accept-Language": language}
                for _ in range(2):
                    found = await net.client.get(ITEM + query, headers=headers)
                    assert found.json()["language"] == language
        assert item.reads == 6
        await net.client.get(ITEM, headers={"Accept": "text/csv"})
        assert item.reads == 7

    async def test_what_is_not_kept_and_the_client_holds_is_304(self, place):
        item = Item(control="public, max-age=0")
        net = await place(item)
        tag = (await net.client.get(ITEM)).headers["etag"]
        found = await net.client.get(ITEM, headers={"If-None-Match": tag})
        assert (found.status_code, found.content, found.headers["etag"]) == (304, b"", tag)
        assert item.reads == 2

    async def test_what_the_client_holds_is_304(self, place):
        item = Item()
        net = await place(item)
        tag = (await net.client.get(ITEM)).headers["etag"]
        found = await net.client.get(ITEM, headers={"If-None-Match": f'"x", W/{tag}'})
        assert (found.status_code, found.content, found.headers["etag"]) == (304, b"", tag)
        assert "content-length" not in found.headers
        other = await net.client.get(ITEM, headers={"If-None-Match": '"x"'})
        assert other.json()["version"] == 1
        assert item.reads == 1

    async def test_head_is_answered_from_what_get_keeps(self, place):
        item = Item()
        net = await place(item)
        length = (await net.client.get(ITEM)).headers["content-length"]
        found = await net.client.head(ITEM)
        assert (found.content, found.headers["content-length"]) == (b"", length)
        assert item.reads == 1

    async def test_no_cache_asks_again(self, place):
        item = Item()
        net = await place(item)
        await net.client.get(ITEM)
        await net.client.get(ITEM, headers={"Cache-Control": "no-cache"})
        assert (item.reads, item.unchanged) == (2, 1)

    async def test_what_is_kept_was_asked_without_a_token(self, place, token):
        item = Item()
        net = await place(item)
        found = await net.client.get(ITEM, headers=token() | {"Cookie": "a=b"})
        assert found.json()["for"] == []
        (seen,) = net.catalog.seen
        assert seen.all("cookie") == seen.all("accept-encoding") == []

    async def test_what_is_not_public_is_asked_with_the_readers_own_token(self, place, token):
        item = Item(control="private")
        net = await place(item)
        headers = token()
        found = await net.client.get(ITEM, headers=headers)
        assert found.json()["for"] == [headers["Authorization"]]
        assert (await net.client.get(ITEM)).json()["for"] == []
        assert not net.gateway.cache.store.entries

    async def test_refusals_are_not_kept(self, place):
        net = await place(Item())
        net.catalog.answers[ITEM + "/form"] = lambda *call: json_answer(call[2], {"no": 1}, 404)
        for _ in range(2):
            assert (await net.client.get(ITEM + "/form")).json() == {"no": 1}
        assert len(net.catalog.seen) == 2

    async def test_an_expired_answer_is_asked_for_by_its_tag(self, place):
        item = Item(control="public, max-age=1")
        net = await place(item)
        await net.client.get(ITEM)
        await asyncio.sleep(1.1)
        found = await net.client.get(ITEM)
        assert (item.reads, item.unchanged) == (2, 1)
        assert (found.status_code, found.json()["version"]) == (200, 1)
        await net.client.get(ITEM)
        assert item.reads == 2

    async def test_long_answers_come_whole_and_very_long_ones_are_not_kept(self, place):
        net = await place(Item())
        for size, asked in ((700_000, 1), (3_000_000, 3)):
            body = json.dumps("x" * size).encode()
            path = f"/api/v1/lists/{size}"
            control = [("cache-control", PUBLIC)]

            async def long(seen, receive, send, body=body, control=control):
                await read(seen, receive)
                await answer(send, body, headers=control)

            net.catalog.answers[path] = long
            before = len(net.catalog.seen)
            for _ in range(asked):
                assert (await net.client.get(path)).content == body
            assert len(net.catalog.seen) - before == (1 if asked == 1 else 2 * asked)

    async def test_many_at_once_share_one_fetch(self, place):
        item = Item(delay=0.2)
        net = await place(item)
        found = await asyncio.gather(*(net.client.get(ITEM) for _ in range(40)))
        assert {one.json()["version"] for one in found} == {1}
        assert item.reads == 1

    async def test_who_came_first_may_leave(self, place):
        item = Item(delay=0.5)
        net = await place(item)
        first = asyncio.create_task(net.client.get(ITEM))
        await until(lambda: item.reads == 1)
        second = asyncio.create_task(net.client.get(ITEM))
        await asyncio.sleep(0.1)
        first.cancel()
        assert (await second).json()["version"] == 1
        assert item.reads == 1

    async def test_everybody_who_waits_hears_of_the_failure(self, place):
        net = await place(Item())
        await net.catalog.stop()
        found = await asyncio.gather(*(net.client.get(ITEM) for _ in range(5)))
        for one in found:
            problem(one, 503, "upstream-unavailable")
        await net.catalog.start()
        assert (await net.client.get(ITEM)).status_code == 200


class TestChange:
    async def test_who_publishes_reads_it_at_once(self, place):
        item = Item()
        net = await place(item)
        for expected in range(1, 20):
            assert (await net.client.get(ITEM)).json()["version"] == expected
            await net.client.post("/api/v1/catalog/items/1/approval")

    async def test_a_refused_write_ends_nothing(self, place):
        item = Item()
        net = await place(item)
        await net.client.get(ITEM)
        net.catalog.answers["/api/v1/catalog/items/2/approval"] = lambda *c: json_answer(
            c[2], {}, 403
        )
        await net.client.post("/api/v1/catalog/items/2/approval")
        await net.client.post("/api/v1/items/1/precheck", json={})
        await net.client.get(ITEM)
        assert item.reads == 1

    async def test_a_write_whose_answer_is_lost_counts_as_done(self, place):
        item = Item()
        net = await place(item, deadline_seconds=0.5)
        await net.client.get(ITEM)

        async def silent(seen, receive, send):
            item.version += 1
            await asyncio.sleep(1)

        net.catalog.answers["/api/v1/catalog/items/1/approval"] = silent
        found = await net.client.post("/api/v1/catalog/items/1/approval")
        assert found.status_code == 504
        assert (await net.client.get(ITEM)).json()["version"] == 2

    async def test_a_read_under_way_during_a_write_is_not_kept(self, place):
        item = Item(delay=0.3)
        net = await place(item)
        old = asyncio.create_task(net.client.get(ITEM))
        await until(lambda: item.reads == 1)
        await net.client.post("/api/v1/catalog/items/1/approval")
        after = await net.client.get(ITEM)
        assert after.json()["version"] == 2
        assert (await old).json()["version"] == 1
        assert (await net.client.get(ITEM)).json()["version"] == 2

    async def test_nobody_reads_back_behind_a_write_he_has_seen_done(self, place):
        """Readers and writers at once: after a write is answered no read is older than it."""
        item = Item(delay=0.003)
        net = await place(item, read_rate=0, write_rate=0)
        done, wrong, writing = [1], [], True
        limits = httpx.Limits(max_connections=40)

        async def reads(client):
            while writing:
                least = done[0]
                found = (await client.get(ITEM)).json()["version"]
                if found < least:
                    wrong.append((found, least))

        url = str(net.client.base_url)
        async with httpx.AsyncClient(base_url=url, limits=limits, verify=False) as client:
            readers = [asyncio.create_task(reads(client)) for _ in range(12)]
            for _ in range(60):
                # Over connections of its own: in a shared pool the readers can starve it.
                found = await net.client.post("/api/v1/catalog/items/1/approval")
                done[0] = max(done[0], found.json()["version"])
                await asyncio.sleep(0.002)
            writing = False
            await asyncio.gather(*readers)
        assert wrong == []
        assert item.version == 61

    @pytest.mark.parametrize(
        "subject",
        [
            "onenet.catalog.item.published.v1.x",
            "onenet.catalog.item.suspended.v1.x",
            "onenet.identity.region.changed.v1.x",
            "onenet.identity.department.changed.v1.x",
        ],
    )
    async def test_an_event_ends_what_is_kept(self, place, nats_url, subject):
        item = Item()
        net = await place(item)
        await net.client.get(ITEM)
        item.version = 2
        assert (await net.client.get(ITEM)).json()["version"] == 1
        bus = await nats.connect(nats_url)
        await bus.publish(subject, b"{}")
        await bus.flush()
        await asyncio.sleep(0.1)
        assert (await net.client.get(ITEM)).json()["version"] == 2
        await bus.close()

    async def test_what_changed_while_the_bus_was_away_is_seen(self, place, tmp_path):
        port, item = free_port(), Item()
        first = bus_server(port, tmp_path)
        net = await place(item, nats_url=f"nats://127.0.0.1:{port}")
        await until(lambda: net.gateway.cache.listening)
        await net.client.get(ITEM)
        first.terminate()
        first.wait()
        await until(lambda: not net.gateway.cache.listening)
        item.version = 2
        await asyncio.sleep(1.1)
        assert (await net.client.get(ITEM)).json()["version"] == 2
        item.version = 3
        second = bus_server(port, tmp_path)
        await until(lambda: net.gateway.cache.listening)
        assert (await net.client.get(ITEM)).json()["version"] == 3
        second.terminate()
        second.wait()

    async def test_without_the_bus_nothing_is_older_than_a_second(self, place):
        item = Item()
        net = await place(item, nats_url="nats://127.0.0.1:1")
        await net.client.get(ITEM)
        item.version = 2
        await net.client.get(ITEM)
        assert item.reads == 1
        await asyncio.sleep(1.1)
        assert (await net.client.get(ITEM)).json()["version"] == 2
