"""The verbs of this room: write messages, and mark one as read."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import insert

from chassis import clock
from chassis.auth import Actor
from chassis.database.sessions import WriteSession
from identity_svc.inbox import queries
from identity_svc.inbox.models import Message


async def add_messages(session: WriteSession, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert a message for each step of a case; an event is received once, so is its message."""
    await session.execute(insert(Message), rows)


async def read_message(session: WriteSession, actor: Actor, message_id: UUID) -> Message:
    """Mark as read; the time of the first reading stays."""
    message = await queries.message(session, actor, message_id)
    message.read_at = message.read_at or clock.now()
    return message
