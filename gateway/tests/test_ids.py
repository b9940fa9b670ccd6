"""Request ids sort by time and are UUIDs of version 7."""

import time
from uuid import UUID

from gateway.ids import hyphened, new_request_id, new_span_id


def test_ids_are_uuid7_of_this_moment():
    before = time.time_ns() // 1_000_000
    found = UUID(hyphened(new_request_id()))
    assert found.version == 7
    assert found.variant == "specified in RFC 4122"
    assert before <= found.int >> 80 <= time.time_ns() // 1_000_000


def test_ids_do_not_repeat():
    assert len({new_request_id() for _ in range(10_000)}) == 10_000
    assert len(new_span_id()) == 16
