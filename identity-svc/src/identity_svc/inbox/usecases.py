"""The verbs of this room: leave a message, read it."""

from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncSession

from chassis import clock
from chassis.auth import Actor
from chassis.db import as_plain, driver
from identity_svc.inbox import queries
from identity_svc.inbox.models import Message

_LEFT: Final = [one.name for one in Message.__table__.columns if one.name != "read_at"]
_LEAVE: Final = as_plain(insert(Message), _LEFT)


async def leave_messages(session: AsyncSession, steps: Sequence[Mapping[str, Any]]) -> None:
    """Each event is received once, so each step leaves one message; a step is its columns."""
    rows = [_LEAVE.values(id=clock.new_id(), **step) for step in steps]
    await (await driver(session)).executemany(_LEAVE.text, rows)


async def read_message(session: AsyncSession, actor: Actor, message_id: UUID) -> Message:
    """Reading again keeps the first time."""
    message = await queries.message(session, actor, message_id)
    message.read_at = message.read_at or clock.now()
    return message
