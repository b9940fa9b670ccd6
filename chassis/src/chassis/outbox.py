"""Events are rows first: `record()` writes one in the caller's transaction."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel
from sqlalchemy import event as session_events
from sqlalchemy import insert
from sqlalchemy.dialects.postgresql import insert as upsert

from chassis import clock
from chassis.database.sessions import WriteSession, process_of
from chassis.database.tables import outbox_event, outbox_sequence
from chassis.events import MAX_ENVELOPE_BYTES, Event, envelope, service_of, subject_of


class EventTooLarge(ValueError):
    """The event would not fit the bus; publish a reference instead of the content."""


async def record(
    session: WriteSession,
    event: Event,
    *,
    sealed: Mapping[str, BaseModel | Mapping[str, Any]] | None = None,
) -> None:
    """Write the event beside the rows it speaks of; it is published after the commit, in order.

    `sealed` maps a consumer's name to content that only this consumer can open.
    """
    process = process_of(session)
    if service_of(event.type) != process.service:
        raise ValueError(f"{event.type} is not an event of {process.service}")
    # Ids, versions and constraints must be known to the database before the event tells of them.
    await session.flush()
    entity = f"{event.type.rsplit('.', 2)[0]}:{event.entity_id()}"
    counter = upsert(outbox_sequence).values(entity=entity, last=1)
    counter = counter.on_conflict_do_update(
        index_elements=["entity"], set_={"last": outbox_sequence.c.last + 1}
    )
    # The row lock on the counter also puts concurrent writers of one entity in order.
    sequence = await session.scalar(counter.returning(outbox_sequence.c.last))
    assert sequence is not None
    event_id = clock.new_id()
    boxes = {
        consumer: process.vault.seal(
            content.model_dump(mode="json") if isinstance(content, BaseModel) else content,
            to=consumer,
        )
        for consumer, content in (sealed or {}).items()
    }
    text = envelope(event, event_id=event_id, sequence=sequence, moment=clock.now(), sealed=boxes)
    if len(text.encode()) > MAX_ENVELOPE_BYTES:
        raise EventTooLarge(f"{event.type} {event.entity_id()}: {len(text)} characters")
    await session.execute(
        insert(outbox_event).values(
            event_id=event_id,
            type=event.type,
            subject=subject_of(event.type, event.entity_id()),
            entity=entity,
            sequence=sequence,
            envelope=text,
        )
    )
    session_events.listen(
        session.sync_session, "after_commit", lambda _: process.wake.set(), once=True
    )
