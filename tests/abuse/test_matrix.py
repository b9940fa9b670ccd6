"""Who sees what: no path shows what another hides, and the committed table says so."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import nats
import pytest
from nats.errors import TimeoutError as NothingMore
from tests.stranger.journey import Network

from . import matrix, paths, table
from .world import World, prepare

COMMITTED = Path(__file__).parents[2] / "docs" / "authorisation-matrix.md"


@pytest.fixture(scope="module")
def world(platform) -> Iterator[World]:
    network = Network.at(platform.base_url, platform.samples)
    yield prepare(network)
    network.http.close()


@pytest.fixture(scope="module")
def drawn(world) -> matrix.Matrix:
    return matrix.draw(world)


@pytest.fixture(scope="module")
def openapi(world):
    return world.network.http.get("/openapi.json").json()


def test_every_route_says_what_it_shows_or_acts_on(openapi):
    assert paths.unnamed(openapi) == []


def test_no_path_shows_or_hides_what_another_does_not(drawn):
    assert drawn.differences == []


def test_the_committed_table_is_what_the_platform_does(world, drawn):
    events = table.clear_fields(world.network.http.get("/asyncapi.json").json())
    now = table.document(drawn, events)
    assert now == COMMITTED.read_text(encoding="utf-8"), "run `make matrix` and look at the change"


def test_a_progress_stream_says_nothing_personal(world):
    citizen, case = world.cast["citizen"], world.cases["in_review"]
    headers = {"Authorization": f"Bearer {citizen.token}", "Last-Event-ID": "0"}
    with world.network.http.stream("GET", f"/api/v1{case.path}/stream", headers=headers) as answer:
        lines = []
        for line in answer.iter_lines():
            lines.append(line)
            if len(lines) > 8:
                break
    assert lines
    assert not [one for one in _personal(world) if one in "\n".join(lines)]


async def test_no_event_carries_a_person_in_clear(world, drawn, platform):
    """Every message in every stream, headers and all."""
    running = json.loads((platform.state / "running.json").read_text(encoding="utf-8"))
    told = await _everything(running["nats_url"])
    assert len(told) > 100
    personal = [one.encode() for one in _personal(world)]
    assert [subject for subject, said in told if any(one in said for one in personal)] == []


def _personal(world: World) -> list[str]:
    """Names, numbers and mobiles of the people of this world."""
    accounts = [
        person.account
        for person in (*world.cast.people.values(), world.cast.victim)
        if person.account and "id_number" in person.account
    ]
    return [str(one[name]) for one in accounts for name in ("id_number", "mobile", "name")]


async def _everything(url: str) -> list[tuple[str, bytes]]:
    connection = await nats.connect(url)
    stream = connection.jetstream()
    found = []
    try:
        for one in await stream.streams_info():
            if one.config.name.startswith(("KV_", "OBJ_")):
                continue
            reader = await stream.subscribe(
                ">" if not one.config.subjects else one.config.subjects[0],
                stream=one.config.name,
                ordered_consumer=True,
            )
            for _ in range(one.state.messages):
                try:
                    message = await reader.next_msg(timeout=2)
                except (TimeoutError, NothingMore):
                    break
                headers = json.dumps(message.headers or {}, ensure_ascii=False).encode()
                found.append((message.subject, headers + message.data))
            await reader.unsubscribe()
    finally:
        await connection.close()
    return found
