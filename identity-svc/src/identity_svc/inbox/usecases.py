"""The verbs of this room: leave a message, read it."""

from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from chassis import clock
from chassis.auth import Actor
from chassis.idempotency import leave_rows
from identity_svc.inbox import queries
from identity_svc.inbox.models import Message

_MESSAGES: Final = Message.metadata.tables[Message.__tablename__]


async def leave_messages(session: AsyncSession, steps: Sequence[Mapping[str, Any]]) -> None:
    """Each event is received once, so each step leaves one message; a step is its columns."""
    await leave_rows(session, {_MESSAGES: [{"id": clock.new_id(), **step} for step in steps]})


async def read_message(session: AsyncSession, actor: Actor, message_id: UUID) -> Message:
    """Reading again keeps the first time."""
    message = await queries.message(session, actor, message_id)
    message.read_at = message.read_at or clock.now()
    return message
