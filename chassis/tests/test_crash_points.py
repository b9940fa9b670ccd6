"""The crash-point table, row by row: stop there, and see what the table says.

| Crash point                          | What happens                                            |
| before COMMIT                        | nothing happened; the same key may be tried again       |
| after COMMIT, before the response    | done; a retry finds its key and gets the same answer    |
| after COMMIT, before publish         | the relay publishes on its next turn                    |
| broker down                          | the relay waits, order kept, the backlog rises          |
| broker refuses this one message      | the row is parked, the queue goes on                    |
| after publish, before `published_at` | published again; message id and inbox drop the second   |
| handler fails                        | rolled back, retried later, then a dead letter          |
| unreadable message                   | a dead letter at once                                   |
"""

import asyncio
import json
from contextlib import asynccontextmanager, suppress
from uuid import uuid4

import asyncpg
import pytest
import sqlalchemy as sa
from losing import relay_once, rows, write
from nats.errors import Error as NatsError
from sample.main import Heard, Note, NoteWritten
from sqlalchemy.ext.asyncio import AsyncSession

from chassis import clock, signing
from chassis.database.sessions import transaction
from chassis.database.tables import dead_letter, inbox_event, outbox_event
from chassis.events import subject_of
from chassis.messaging import bus, consumer, relay
from chassis.outbox import EventTooLarge, record
from chassis.subscriptions import merged
from chassis.testing.plugin import deliver_to

TEXT = {"text": "一张便条"}


@asynccontextmanager
async def connected(url):
    nc = await bus.connect(url, name="test")
    try:
        yield nc, nc.jetstream()
    finally:
        await nc.close()


@pytest.fixture
async def nc(nats_url):
    """A connection to a bus with empty streams of `sample` and `other`."""
    async with connected(nats_url) as (nc, context):
        for name in ("sample", "other"):
            with suppress(Exception):
                await context.delete_stream(name.upper())
            await bus.ensure_stream(context, name)
        yield nc


@pytest.fixture
async def js(nc):
    return nc.jetstream()


async def unpublished(process):
    statement = sa.select(outbox_event.c.event_id).where(outbox_event.c.published_at.is_(None))
    return await rows(process, statement)


async def stored(js, stream="SAMPLE"):
    return (await js.stream_info(stream)).state.messages


class TestBeforeCommit:
    # What the driver says depends on what it was doing when the server went.
    @pytest.mark.parametrize(
        "loss", [ConnectionResetError, asyncpg.InterfaceError, asyncpg.InternalClientError]
    )
    async def test_nothing_happened_and_the_key_is_free(
        self, concurrent_client, concurrent_process, token, monkeypatch, loss
    ):
        headers = token() | {"Idempotency-Key": "k"}

        async def die(self):
            raise loss("the server went")

        # `begin()` commits through the transaction object; a flush that dies stands just before.
        monkeypatch.setattr(AsyncSession, "flush", die)
        lost = await concurrent_client.post("/api/v1/notes", json=TEXT, headers=headers)
        monkeypatch.undo()
        assert lost.status_code == 503
        assert await rows(concurrent_process, sa.select(Note)) == []
        assert len(await unpublished(concurrent_process)) == len(
            await _key_events(concurrent_process)
        )
        again = await concurrent_client.post("/api/v1/notes", json=TEXT, headers=headers)
        assert again.status_code == 201


class TestAfterCommit:
    async def test_retry_with_the_key_gets_the_same_answer(
        self, concurrent_client, concurrent_process, token
    ):
        headers = token() | {"Idempotency-Key": "k"}
        # The client never sees this answer: its connection broke after the commit.
        lost = await concurrent_client.post("/api/v1/notes", json=TEXT, headers=headers)
        again = await concurrent_client.post("/api/v1/notes", json=TEXT, headers=headers)
        assert again.json() == lost.json()
        assert len(await rows(concurrent_process, sa.select(Note))) == 1
        assert len(await unpublished(concurrent_process)) == 1 + len(
            await _key_events(concurrent_process)
        )

    async def test_next_turn_of_the_relay_publishes(self, concurrent_process, nc, js):
        await write(concurrent_process, 3)
        waiting = len(await unpublished(concurrent_process))
        assert await relay_once(concurrent_process, nc) == waiting
        assert await unpublished(concurrent_process) == []
        assert await stored(js) == waiting


async def _key_events(process):
    statement = sa.select(outbox_event).where(outbox_event.c.type.like("%signing_key%"))
    return await rows(process, statement)


class TestBroker:
    async def test_down_means_wait_in_order(self, concurrent_process, nc, js, nats_url):
        await write(concurrent_process, 5)
        waiting = await unpublished(concurrent_process)
        async with connected(nats_url) as (dead, _):
            await dead.close()
            with pytest.raises((NatsError, OSError)):
                await relay_once(concurrent_process, dead)
        assert await unpublished(concurrent_process) == waiting
        async with transaction(concurrent_process) as session:
            assert await relay.backlog(session) == len(waiting)
        await relay_once(concurrent_process, nc)
        sequence = [
            json.loads((await js.get_msg("SAMPLE", number + 1)).data)["id"]
            for number in range(len(waiting))
        ]
        assert sequence == [str(row.event_id) for row in waiting]

    async def test_refused_message_is_parked_and_the_queue_goes_on(
        self, concurrent_process, nc, js
    ):
        await write(concurrent_process)
        async with transaction(concurrent_process) as session:
            # Cannot happen by design, `record()` checks the size; so it is put there by hand.
            first = sa.select(sa.func.min(outbox_event.c.position)).scalar_subquery()
            await session.execute(
                sa.update(outbox_event)
                .where(outbox_event.c.position == first)
                .values(envelope="x" * 1_200_000)
            )
        await relay_once(concurrent_process, nc)
        left = await rows(
            concurrent_process,
            sa.select(outbox_event).where(
                outbox_event.c.published_at.is_(None), outbox_event.c.parked_reason.is_(None)
            ),
        )
        parked = await rows(
            concurrent_process,
            sa.select(outbox_event).where(outbox_event.c.parked_reason.is_not(None)),
        )
        assert (left, len(parked)) == ([], 1)

    async def test_event_too_large_is_refused_when_recorded(self, process):
        huge = {"other": {"text": "x" * 1_000_000}}
        with pytest.raises(EventTooLarge):
            async with transaction(process) as session:
                await record(session, NoteWritten(note_id=uuid4(), version=1), sealed=huge)

    async def test_only_one_relay_is_active(self, concurrent_process, nc, js):
        await write(concurrent_process, 50)
        waiting = len(await unpublished(concurrent_process))
        moved = await asyncio.gather(
            relay_once(concurrent_process, nc), relay_once(concurrent_process, nc)
        )
        assert sorted(moved) == [0, waiting]
        assert await stored(js) == waiting


class TestAfterPublish:
    async def test_second_publication_is_dropped(self, concurrent_process, nc, js):
        await write(concurrent_process)
        await relay_once(concurrent_process, nc)
        before = await stored(js)
        async with transaction(concurrent_process) as session:
            await session.execute(sa.update(outbox_event).values(published_at=None))
        await relay_once(concurrent_process, nc)
        assert await stored(js) == before

    async def test_second_delivery_has_no_effect(self, prepared, concurrent_process):
        event_id = uuid4()
        told = {"entity_id": "a"}
        first = await deliver_to(
            prepared.service, concurrent_process, "other.word.spoken.v1", told, event_id=event_id
        )
        second = await deliver_to(
            prepared.service, concurrent_process, "other.word.spoken.v1", told, event_id=event_id
        )
        assert (first, second) == (True, False)
        ((heard,),) = await rows(concurrent_process, sa.select(Heard.times))
        assert heard == 1


class TestConsumer:
    @pytest.fixture
    async def running(self, prepared, concurrent_process, nc, js, nats_url, monkeypatch):
        """The consumer at work, with short delays."""
        monkeypatch.setattr(consumer, "RETRY_SECONDS", (0.05, 0.05, 0.05))
        monkeypatch.setattr(consumer, "LATER_DELIVERIES", 4)
        reactions = merged(prepared.service.subscriptions)
        task = asyncio.create_task(consumer.consume(concurrent_process, nc, "other", reactions))
        yield concurrent_process
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    async def _speak(self, js, content, *, event_id=None):
        envelope = {
            "id": str(event_id or uuid4()),
            "type": "other.word.spoken.v1",
            "subject": "a",
            "time": clock.now().isoformat(),
            "sequence": 1,
            "data": content,
        }
        text = json.dumps(envelope).encode() if isinstance(content, dict) else content
        await js.publish(subject_of("other.word.spoken.v1", "a"), text)

    async def _until(self, process, statement, count=1):
        for _ in range(200):
            found = await rows(process, statement)
            if len(found) >= count:
                return found
            await asyncio.sleep(0.05)
        raise AssertionError(f"never saw {count} rows of {statement}")

    async def test_effect_and_inbox_commit_together(self, running, js):
        await self._speak(js, {"entity_id": "b"})
        await self._until(running, sa.select(Heard))
        assert len(await rows(running, sa.select(inbox_event))) == 1

    @pytest.mark.parametrize(("then", "reason"), [("fail", "RuntimeError"), ("later", "later")])
    async def test_failing_handler_ends_as_dead_letter_without_effect(
        self, running, js, then, reason
    ):
        await self._speak(js, {"entity_id": "c", "then": then})
        (letter,) = await self._until(running, sa.select(dead_letter))
        assert letter.reason.startswith(reason)
        assert letter.deliveries > 1
        assert await rows(running, sa.select(Heard)) == []
        assert await rows(running, sa.select(inbox_event)) == []

    @pytest.mark.parametrize("content", [b"not json", {"wrong": 1}])
    async def test_unreadable_message_is_a_dead_letter_at_once(self, running, js, content):
        await self._speak(js, content)
        (letter,) = await self._until(running, sa.select(dead_letter))
        assert letter.reason.startswith("unreadable")
        assert letter.deliveries == 1

    async def test_dead_letter_does_not_stop_the_queue(self, running, js):
        await self._speak(js, b"not json")
        await self._speak(js, {"entity_id": "d"})
        await self._until(running, sa.select(Heard))

    async def test_redriven_letter_has_its_effect_once(self, running, concurrent_client, token, js):
        event_id = uuid4()
        await self._speak(js, {"entity_id": "e", "then": "fail"}, event_id=event_id)
        (letter,) = await self._until(running, sa.select(dead_letter))
        path = f"/api/v1/operations/sample/dead-letters/{letter.dead_letter_id}/redrive"
        admin = token("staff", roles=["platform_admin"])
        failing = await concurrent_client.post(path, headers=admin)
        async with transaction(running) as session:
            text = running.vault.decrypt(letter.envelope).replace('"fail"', '"ok"')
            await session.execute(
                sa.update(dead_letter).values(envelope=running.vault.encrypt(text))
            )
        answers = [failing] + [await concurrent_client.post(path, headers=admin) for _ in range(2)]
        unknown = path.replace(str(letter.dead_letter_id), str(uuid4()))
        answers.append(await concurrent_client.post(unknown, headers=admin))
        assert [answer.status_code for answer in answers] == [409, 200, 409, 404]
        assert [answer.json().get("type", "").rpartition(":")[2] for answer in answers] == [
            "still-failing",
            "",
            "already-redriven",
            "dead-letter-not-found",
        ]
        assert len(await rows(running, sa.select(Heard))) == 1


class TestSigning:
    async def test_rotated_key_signs_and_the_old_one_stays_published(self, session):
        first = await signing.ensure_key(session)
        second = await signing.rotate_key(session)
        assert first != second
        assert await signing.ensure_key(session) == second
        assert {key["kid"] for key in await signing.public_keys(session)} == {first, second}
        assert all("d" not in key for key in await signing.public_keys(session))


class TestBatches:
    async def test_one_failing_event_does_not_take_its_neighbours_along(
        self, concurrent_process, prepared, nc, js, monkeypatch
    ):
        monkeypatch.setattr(consumer, "RETRY_SECONDS", (0.05, 0.05))
        for name in ("a", "b", "c"):
            then = "fail" if name == "b" else "ok"
            envelope = {
                "id": str(uuid4()),
                "type": "other.word.spoken.v1",
                "subject": name,
                "time": clock.now().isoformat(),
                "sequence": 1,
                "data": {"entity_id": name, "then": then},
            }
            await js.publish(subject_of(envelope["type"], name), json.dumps(envelope).encode())
        reactions = merged(prepared.service.subscriptions)
        task = asyncio.create_task(consumer.consume(concurrent_process, nc, "other", reactions))
        for _ in range(100):
            if await rows(concurrent_process, sa.select(dead_letter)):
                break
            await asyncio.sleep(0.05)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        heard = await rows(concurrent_process, sa.select(Heard.entity_id).order_by(Heard.entity_id))
        assert [one.entity_id for one in heard] == ["a", "c"]
        assert len(await rows(concurrent_process, sa.select(inbox_event))) == 2
