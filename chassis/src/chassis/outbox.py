"""Events are rows first: `record()` writes one in the caller's transaction."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel
from sqlalchemy import insert, literal
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncSession

from chassis import clock
from chassis.context import context
from chassis.events import MAX_ENVELOPE_BYTES, Event, envelope, service_of, subject_of
from chassis.tables import outbox_event, outbox_sequence


class EventTooLarge(ValueError):
    """The event would not fit the bus; publish a reference instead of the content."""


async def record(
    session: AsyncSession,
    event: Event,
    *,
    sealed: Mapping[str, BaseModel | Mapping[str, Any]] | None = None,
) -> None:
    """Write the event beside the rows it speaks of; it leaves after the commit, in order.

    `sealed` maps a consumer's name to content only that consumer can open.
    """
    # Flushed first: ids, versions and database checks must have spoken before the event is built.
    await session.flush()
    here = context(session)
    entity = f"{event.type.rsplit('.', 2)[0]}:{event.entity_id()}"
    sequence = await _next_sequence(session, entity)
    event_id = clock.new_id()
    boxes = {
        consumer: here.vault.seal(_plain(content), to=consumer)
        for consumer, content in (sealed or {}).items()
    }
    text = envelope(event, event_id=event_id, sequence=sequence, moment=clock.now(), sealed=boxes)
    if len(text.encode()) > MAX_ENVELOPE_BYTES:
        raise EventTooLarge(f"{event.type} {event.entity_id()}: {len(text)} characters")
    if service_of(event.type) != here.service:
        raise ValueError(f"{event.type} is not an event of {here.service}")
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
    session.info["wakes"] = True


async def _next_sequence(session: AsyncSession, entity: str) -> int:
    # The row lock this takes also orders concurrent writers of one entity.
    statement = (
        upsert(outbox_sequence)
        .values(entity=entity, last=1)
        .on_conflict_do_update(
            index_elements=["entity"], set_={"last": outbox_sequence.c.last + literal(1)}
        )
        .returning(outbox_sequence.c.last)
    )
    return int((await session.execute(statement)).scalar_one())


def _plain(content: BaseModel | Mapping[str, Any]) -> Mapping[str, Any]:
    return content.model_dump(mode="json") if isinstance(content, BaseModel) else content
