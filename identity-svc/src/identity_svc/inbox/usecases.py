"""The verbs of this room: leave a message, read it."""

from datetime import datetime
from typing import Final
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


async def leave_message(
    session: AsyncSession,
    *,
    kind: str,
    person_id: UUID,
    case_id: UUID,
    case_no: str,
    item_name: str,
    outcome: str | None,
    happened_at: datetime,
) -> None:
    """Each event is received once, so each step leaves one message."""
    database = await driver(session)
    values = _LEAVE.values(
        id=clock.new_id(),
        person_id=person_id,
        kind=kind,
        case_id=case_id,
        case_no=case_no,
        item_name=item_name,
        outcome=outcome,
        happened_at=happened_at,
    )
    await database.execute(_LEAVE.text, *values)


async def read_message(session: AsyncSession, actor: Actor, message_id: UUID) -> Message:
    """Reading again keeps the first time."""
    message = await queries.message(session, actor, message_id)
    message.read_at = message.read_at or clock.now()
    return message
