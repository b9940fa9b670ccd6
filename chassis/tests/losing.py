"""What tests of loss and recovery share."""

import asyncio
import json
from contextlib import asynccontextmanager, suppress
from uuid import uuid4

import sqlalchemy as sa
from nats.aio.client import Client
from nats.js.errors import NotFoundError
from pydantic import BaseModel
from sample.main import Heard, Note, NoteWritten

from chassis import clock
from chassis.database.leadership import leading
from chassis.database.sessions import transaction
from chassis.database.tables import outbox_event
from chassis.events import subject_of
from chassis.messaging import bus, relay
from chassis.outbox import record
from chassis.subscriptions import Subscriptions

SPOKEN = "other.word.spoken.v1"
WRITTEN = "sample.note.written.v1"


class Told(BaseModel):
    note_id: str


async def on_written(session, event) -> None:
    """A reaction whose second run would show."""
    heard = sa.dialects.postgresql.insert(Heard).values(entity_id=event.data.note_id, times=1)
    again = heard.on_conflict_do_update(
        index_elements=["entity_id"], set_={"times": Heard.times + 1}
    )
    await session.execute(again)


def reacting(event_type, handler):
    """Reactions with one handler, as a room registers it."""
    subscriptions = Subscriptions()
    subscriptions.on(event_type, Told)(handler)
    return subscriptions.reactions


COUNTING = reacting(WRITTEN, on_written)


class LossyClient(Client):
    """A connection on which single messages, or their reply addresses, go missing once."""

    lost = ()
    unanswered = ()
    sent = 0

    async def publish(self, subject, payload=b"", reply="", headers=None):
        if subject.startswith("onenet."):
            self.sent += 1
            if self.sent in self.lost:
                return
            if self.sent in self.unanswered:
                reply = ""
        await super().publish(subject, payload, reply, headers)


async def relay_once(process, nc):
    """Publish at most one window; how many rows left, 0 when another relay is active."""
    js = nc.jetstream()
    async with leading(process, "relay") as connection:
        if connection is None:
            return 0
        end = await relay.recover(process, js, connection, None)
        return await relay.publish_window(process, js, connection, end)


async def connected(url, kind=Client):
    return await bus.connect(url, name="test", bus=kind())


async def rows(process, statement):
    async with process.read_sessions.begin() as session:
        return (await session.execute(statement)).all()


async def write(process, count=1):
    async with transaction(process) as session:
        for _ in range(count):
            note_id = clock.new_id()
            session.add(Note(note_id=note_id, text="x", version=1, written_at=clock.now()))
            await record(session, NoteWritten(note_id=note_id, version=1))


async def recorded(process):
    order = sa.select(outbox_event.c.event_id).order_by(outbox_event.c.position)
    return [str(one.event_id) for one in await rows(process, order)]


async def unpublished(process):
    waiting = sa.select(outbox_event.c.position).where(outbox_event.c.published_at.is_(None))
    return len(await rows(process, waiting))


async def stored(nc, stream="SAMPLE"):
    try:
        last = (await nc.jetstream().stream_info(stream)).state.last_seq
    except NotFoundError:
        return []
    found = [await nc.jetstream().get_msg(stream, number + 1) for number in range(last)]
    return [json.loads(message.data)["id"] for message in found]


async def until(condition) -> None:
    for _ in range(300):
        with suppress(OSError, TimeoutError):
            if await condition():
                return
        await asyncio.sleep(0.05)
    raise AssertionError("it never happened")


@asynccontextmanager
async def at_work(*steps):
    tasks = [asyncio.create_task(step) for step in steps]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def speak(nc, entity_id, *, then="ok", event_id=None, event_type=SPOKEN):
    envelope = {
        "id": str(event_id or uuid4()),
        "type": event_type,
        "subject": entity_id,
        "time": clock.now().isoformat(),
        "sequence": 1,
        "data": {"entity_id": entity_id, "then": then, "note_id": entity_id},
    }
    subject = subject_of(event_type, entity_id)
    await nc.jetstream().publish(subject, json.dumps(envelope).encode())


async def heard(process, count):
    return len(await rows(process, sa.select(Heard))) == count
