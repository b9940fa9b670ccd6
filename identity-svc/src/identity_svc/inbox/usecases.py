"""The verbs of this room: leave a message, read it."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from chassis import clock
from chassis.auth import Actor
from identity_svc.inbox import queries
from identity_svc.inbox.models import Message


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
    session.add(
        Message(
            person_id=person_id,
            kind=kind,
            case_id=case_id,
            case_no=case_no,
            item_name=item_name,
            outcome=outcome,
            happened_at=happened_at,
        )
    )


async def read_message(session: AsyncSession, actor: Actor, message_id: UUID) -> Message:
    """Reading again keeps the first time."""
    message = await queries.message(session, actor, message_id)
    message.read_at = message.read_at or clock.now()
    return message
