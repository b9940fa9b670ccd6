"""What is lost, late or twice on the way, and how it comes right again.

| What happens | How it comes right |
| a message of a window is lost on the way | the bus takes nothing after it; it leaves again |
| an answer of the bus is lost | it leaves again; the bus knows its id |
| the stream, or all data of NATS, is gone | retained rows leave again; the inbox keeps effects |
| the database breaks the connection | the reader begins anew; no event is blamed for it |
| the stream lost its end | what it lacks leaves again, readers begin anew |
| a worker stops with messages in its hands | it gives them back at once |
"""

import asyncio
import json
import shutil
import subprocess
import sys
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
import sqlalchemy as sa
from losing import (
    COUNTING,
    SPOKEN,
    WRITTEN,
    at_work,
    connected,
    heard,
    on_written,
    reacting,
    recorded,
    relay_once,
    rows,
    speak,
    stored,
    unpublished,
    until,
    write,
)
from nats.aio.client import Client
from nats.js.errors import NotFoundError
from sample.main import Heard

from chassis import clock
from chassis.database.leadership import leading
from chassis.database.sessions import transaction
from chassis.database.tables import dead_letter, inbox_event, outbox_event
from chassis.messaging import bus, consumer, relay, worker
from chassis.testing.servers import free_port


class TestWindow:
    async def test_window_heals_itself_when_one_message_is_lost_once(self, concurrent_process, nc):
        await write(concurrent_process, 20)
        nc.lost = {8}
        assert await relay_once(concurrent_process, nc) == relay.BATCH  # again at once
        await relay_once(concurrent_process, nc)
        assert await stored(nc) == await recorded(concurrent_process)
        assert await unpublished(concurrent_process) == 0

    async def test_nothing_stands_after_a_lost_message_until_it_came_again(
        self, concurrent_process, nc
    ):
        await write(concurrent_process, 20)
        sent = await recorded(concurrent_process)
        nc.lost = {8}
        assert await relay_once(concurrent_process, nc) == relay.BATCH  # come again at once
        assert await stored(nc) == sent[:7]
        assert await unpublished(concurrent_process) == len(sent) - 7
        await relay_once(concurrent_process, nc)
        assert await stored(nc) == sent
        assert await unpublished(concurrent_process) == 0

    async def test_lost_answer_neither_doubles_nor_disorders(
        self, concurrent_process, nc, monkeypatch
    ):
        monkeypatch.setattr(relay, "PUBLISH_TIMEOUT_SECONDS", 0.2)
        await write(concurrent_process, 20)
        sent = await recorded(concurrent_process)
        nc.unanswered = {8, 12}
        await relay_once(concurrent_process, nc)
        assert await unpublished(concurrent_process) == len(sent) - 7
        await write(concurrent_process, 3)
        await relay_once(concurrent_process, nc)
        assert await stored(nc) == await recorded(concurrent_process)

    async def test_row_that_commits_late_takes_its_place_behind(self, concurrent_process, nc):
        """Positions are given before the commit, so a lower one may become visible later."""
        await write(concurrent_process, 6)
        ids = await recorded(concurrent_process)
        hide = sa.update(outbox_event).where(outbox_event.c.event_id == sa.text(f"'{ids[2]}'"))
        async with transaction(concurrent_process) as session:
            await session.execute(hide.values(parked_reason="not yet"))
        await relay_once(concurrent_process, nc)
        async with transaction(concurrent_process) as session:
            await session.execute(hide.values(parked_reason=None))
            await session.execute(sa.update(outbox_event).values(published_at=None))
        # The relay died before it marked anything: all leave again, and one is new in the middle.
        while await unpublished(concurrent_process):
            await relay_once(concurrent_process, nc)
        assert await stored(nc) == [*ids[:2], *ids[3:], ids[2]]

    async def test_hint_of_another_process_wakes_the_relay(
        self, concurrent_process, nc, nats_url, monkeypatch
    ):
        monkeypatch.setattr(relay, "POLL_SECONDS", 60)
        api = replace(concurrent_process, wake=asyncio.Event())
        other = await connected(nats_url)
        async with at_work(relay.relay(concurrent_process, nc), relay.forward_wake_ups(api, other)):
            await until(lambda: _none_left(concurrent_process))
            await write(api)
            await until(lambda: _none_left(concurrent_process))
        await other.close()


async def _none_left(process):
    return await unpublished(process) == 0


@contextmanager
def bus_at(port: int, folder: Path):
    command = [str(Path(sys.executable).parent / "nats-server"), "-js", "-a", "127.0.0.1"]
    with subprocess.Popen(
        [*command, "-sd", str(folder), "-p", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as server:
        try:
            yield server
        finally:
            server.kill()
            server.wait(10)


@asynccontextmanager
async def bus_client(port: int, folder: Path):
    with bus_at(port, folder):
        nc = await connected(f"nats://127.0.0.1:{port}")
        yield nc
        await nc.close()


class TestLostBus:
    async def test_everything_comes_again_and_no_effect_twice(self, concurrent_process, tmp_path):
        port = free_port()
        process = concurrent_process
        nc = Client()
        joining = asyncio.create_task(
            bus.connect(f"nats://127.0.0.1:{port}", name="sample", bus=nc)
        )
        with bus_at(port, tmp_path / "first"):
            await joining
            tasks = (relay.relay(process, nc), consumer.consume(process, nc, "sample", COUNTING))
            working = at_work(*tasks)
            await working.__aenter__()
            await write(process, 5)
            await until(lambda: heard(process, 5))
        await write(process, 5)  # the bus is down
        with bus_at(port, tmp_path / "second"):  # and comes back with nothing
            await until(lambda: heard(process, 10))
            assert sorted(await stored(nc)) == sorted(await recorded(process))
            times = await rows(process, sa.select(Heard.times))
            assert {one.times for one in times} == {1}
            await working.__aexit__(None, None, None)
            await nc.close()

    async def test_lost_end_leaves_again(self, concurrent_process, tmp_path):
        port, process = free_port(), concurrent_process
        url = f"nats://127.0.0.1:{port}"
        with bus_at(port, tmp_path / "full"):
            nc = await connected(url)
            await bus.ensure_stream(nc.jetstream(), "sample")
            await write(process, 3)
            await relay_once(process, nc)
            await nc.close()
        shutil.copytree(tmp_path / "full", tmp_path / "torn")
        with bus_at(port, tmp_path / "full"):
            nc = await connected(url)
            await write(process, 3)
            await relay_once(process, nc)
            await nc.close()
        with bus_at(port, tmp_path / "torn"):
            nc = await connected(url)
            await bus.ensure_consumer(
                nc.jetstream(), stream="SAMPLE", durable="reader", subjects=["onenet.sample.>"]
            )
            async with leading(process, "relay") as connection:
                await relay.recover(process, nc.jetstream(), connection, None)
            assert await unpublished(process) == 3
            await relay_once(process, nc)
            assert await stored(nc) == await recorded(process)
            with pytest.raises(NotFoundError):
                await nc.jetstream().consumer_info("SAMPLE", "reader")
            await nc.close()

    async def test_nothing_is_published_behind_a_lost_end(self, concurrent_process, tmp_path):
        """The loss shows when the next event is refused, before anything stands behind the hole."""
        port, process = free_port(), concurrent_process
        async with bus_client(port, tmp_path / "full") as nc:
            await bus.ensure_stream(nc.jetstream(), "sample")
            await write(process, 3)
            await relay_once(process, nc)
        shutil.copytree(tmp_path / "full", tmp_path / "torn")
        async with bus_client(port, tmp_path / "full") as nc:
            await write(process, 3)
            await relay_once(process, nc)
            async with leading(process, "relay") as connection:
                end = await relay.recover(process, nc.jetstream(), connection, None)
        async with bus_client(port, tmp_path / "torn") as nc:
            await write(process)
            async with leading(process, "relay") as connection:
                with pytest.raises(relay.NotPublished):
                    await relay.publish_window(process, nc.jetstream(), connection, end)
            await relay_once(process, nc)
            assert await stored(nc) == await recorded(process)

    async def test_whole_stream_loses_nothing_to_a_look(self, concurrent_process, nc):
        await write(concurrent_process, 3)
        await relay_once(concurrent_process, nc)
        async with leading(concurrent_process, "relay") as connection:
            await relay.recover(concurrent_process, nc.jetstream(), connection, None)
        assert await unpublished(concurrent_process) == 0


class TestConsumer:
    async def test_stopping_gives_back_what_is_held(self, concurrent_process, nc):
        started = asyncio.Event()

        async def slow(session, event) -> None:
            started.set()
            await asyncio.sleep(30)

        for number in range(3):
            await speak(nc, str(number))
        async with at_work(
            consumer.consume(concurrent_process, nc, "other", reacting(SPOKEN, slow))
        ):
            await started.wait()
        quick = reacting(SPOKEN, on_written)
        # Far sooner than the thirty seconds after which the bus would take them back itself.
        async with at_work(consumer.consume(concurrent_process, nc, "other", quick)):
            await until(lambda: heard(concurrent_process, 3))

    async def test_connection_that_breaks_is_nobodys_dead_letter(self, concurrent_process, nc):
        calls = []

        async def fragile(session, event) -> None:
            await on_written(session, event)
            calls.append(1)
            if len(calls) in (1, 2):  # in the batch, and alone
                await session.execute(sa.text("SELECT pg_terminate_backend(pg_backend_pid())"))

        reactions = reacting(SPOKEN, fragile)
        working = (consumer.consume(concurrent_process, nc, "other", reactions),)
        async with at_work(*working, relay.relay(concurrent_process, nc)):
            await speak(nc, "a")
            await until(lambda: heard(concurrent_process, 1))
            async with transaction(concurrent_process) as session:
                others = "datname = current_database() AND pid <> pg_backend_pid()"
                ending = f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {others}"
                await session.execute(sa.text(ending))
            await write(concurrent_process)
            await speak(nc, "b")
            await until(lambda: heard(concurrent_process, 2))
            await until(lambda: _none_left(concurrent_process))
        assert {one.times for one in await rows(concurrent_process, sa.select(Heard.times))} == {1}
        assert await rows(concurrent_process, sa.select(dead_letter)) == []

    async def test_one_process_reads_at_a_time(self, concurrent_process, nc):
        async with (
            leading(concurrent_process, "consumer of other") as first,
            leading(concurrent_process, "consumer of other") as second,
        ):
            assert first is not None
            assert second is None

    async def test_same_event_twice_in_a_batch_has_one_effect(self, concurrent_process):
        envelope = {
            "id": str(uuid4()),
            "type": WRITTEN,
            "subject": "a",
            "time": clock.now().isoformat(),
            "sequence": 1,
            "data": {"note_id": "a"},
        }
        reader = consumer.Consumer(concurrent_process, COUNTING)
        content = json.dumps(envelope).encode()
        assert await consumer.apply_batch(reader, [content, content]) == [True, False]

    async def test_reader_whose_durable_vanished_begins_anew(self, concurrent_process, nc):
        reactions = reacting(SPOKEN, on_written)
        async with at_work(consumer.consume(concurrent_process, nc, "other", reactions)):
            await speak(nc, "a")
            await until(lambda: heard(concurrent_process, 1))
            await nc.jetstream().delete_consumer("OTHER", "sample")
            await speak(nc, "b")
            await until(lambda: heard(concurrent_process, 2))
        assert {one.times for one in await rows(concurrent_process, sa.select(Heard.times))} == {1}

    async def test_inbox_forgets_only_what_cannot_come_again(self, concurrent_process):
        async with transaction(concurrent_process) as session:
            for days in (1, 500):
                await session.execute(
                    sa.insert(inbox_event).values(
                        event_id=uuid4(),
                        type=SPOKEN,
                        received_at=sa.text(f"now() - interval '{days} days'"),
                    )
                )
        old = worker.forgetting("received events", inbox_event.c.received_at, timedelta(days=400))
        await worker.take_turn(concurrent_process, old)
        assert len(await rows(concurrent_process, sa.select(inbox_event))) == 1


class TestWorker:
    async def test_bus_that_is_away_keeps_nobody_waiting(
        self, prepared, concurrent_process, monkeypatch
    ):
        monkeypatch.setattr(worker, "CONNECT_SECONDS", 0.1)
        process = replace(concurrent_process, bus=Client(), ready={})
        async with worker.running(prepared.service, process, alone=True):
            assert await process.ready["bus"]() == "NATS is not connected"
            await write(process)

    async def test_metrics_say_what_stands(self, concurrent_client, concurrent_process, prepared):
        async with transaction(concurrent_process) as session:
            letter = {"dead_letter_id": uuid4(), "subject": "s", "type": "t", "envelope": b"x"}
            more = {"reason": "r", "deliveries": 1}
            await session.execute(sa.insert(dead_letter).values(letter | more))
        await concurrent_client.get("/readyz")
        text = (await concurrent_client.get("/metrics")).text
        assert 'onenet_dead_letters_open{service="sample"} 1.0' in text
        assert 'onenet_ready{part="database",service="sample"} 1.0' in text
        # The check holds the connection it was built with; a copy needs an idle template.
        await prepared.process.engine.dispose()
