"""What may be kept, for how long, and what makes room."""

import pytest

from gateway.cache.freshness import is_held, keep_seconds, outward
from gateway.cache.store import CacheEntry, Store


def kept(epoch=0, size=10, stored_at=0.0, max_age=100.0):
    return CacheEntry([], [], b"x" * size, b'"1"', "catalog", epoch, stored_at, max_age)


class TestStore:
    def test_an_answer_of_an_earlier_epoch_is_never_given(self):
        store = Store(10_000)
        store.put(("a",), kept())
        assert store.lookup(("a",), 1, 100)
        store.invalidate("catalog")
        assert store.lookup(("a",), 1, 100) is None
        assert store.stale(("a",))
        store.put(("a",), kept(epoch=0))
        assert store.lookup(("a",), 1, 100) is None
        store.put(("a",), kept(epoch=1))
        assert store.lookup(("a",), 1, 100)

    def test_age_counts_from_the_start_of_the_fetch(self):
        store = Store(10_000)
        store.put(("a",), kept(stored_at=5, max_age=10))
        assert store.lookup(("a",), 15, 100)
        assert store.lookup(("a",), 15.1, 100) is None
        assert store.lookup(("a",), 6.5, 1) is None

    def test_the_least_used_makes_room(self):
        store = Store(3 * 1035)
        for key in "abc":
            store.put((key,), kept())
        store.lookup(("a",), 1, 100)
        store.put(("d",), kept())
        assert [key for (key,) in store.entries] == ["c", "a", "d"]
        assert store.used_bytes == 3 * 1035

    def test_what_is_larger_than_the_store_is_not_kept(self):
        store = Store(2000)
        store.put(("a",), kept(size=3000))
        assert store.stale(("a",)) is None
        assert store.used_bytes == 0

    def test_what_the_client_sent_counts(self):
        store = Store(10_000)
        store.put(("a" * 20_000,), kept())
        assert store.stale(("a" * 20_000,)) is None


class TestFreshness:
    @pytest.mark.parametrize(
        ("status", "headers", "seconds"),
        [
            (200, {b"cache-control": b"public, max-age=0, s-maxage=300"}, 300),
            (200, {b"cache-control": b"public, max-age=60"}, 60),
            (
                200,
                {b"cache-control": b"public,max-age=60", b"vary": b"Accept, Accept-Language"},
                60,
            ),
            (200, {b"cache-control": b"public, max-age=60", b"vary": b"Cookie"}, 0),
            (200, {b"cache-control": b"public, max-age=60", b"vary": b"*"}, 0),
            (200, {b"cache-control": b"public, max-age=60", b"set-cookie": b"a=1"}, 0),
            (200, {b"cache-control": b"public, max-age=60", b"content-encoding": b"gzip"}, 0),
            (200, {b"cache-control": b"public, no-cache, max-age=60"}, 0),
            (200, {b"cache-control": b"private, max-age=60"}, 0),
            (200, {b"cache-control": b"no-store"}, 0),
            (200, {b"cache-control": b"max-age=60"}, 0),
            (200, {b"cache-control": b"public"}, 0),
            (200, {}, 0),
            (404, {b"cache-control": b"public, max-age=60"}, 0),
        ],
    )
    def test_only_what_is_public_and_everybodys_is_kept(self, status, headers, seconds):
        assert keep_seconds(status, list(headers.items())) == seconds

    def test_clients_are_not_told_how_long_the_gateway_keeps(self):
        told = outward([(b"cache-control", b"public, max-age=0, s-maxage=300"), (b"a", b"b")])
        assert told == [(b"cache-control", b"public, max-age=0"), (b"a", b"b")]

    @pytest.mark.parametrize(
        ("held", "etag", "expected"),
        [
            (b'"1"', b'"1"', True),
            (b'W/"1"', b'"1"', True),
            (b'"0", W/"1"', b'W/"1"', True),
            (b"*", b'"1"', True),
            (b'"2"', b'"1"', False),
            (b"", b'"1"', False),
        ],
    )
    def test_etags_are_compared_weakly(self, held, etag, expected):
        assert is_held(held, etag) is expected
