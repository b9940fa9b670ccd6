"""Every SELECT on messages."""

from uuid import UUID

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.auth import Actor
from chassis.pagination import PageRequest, Window, paginate
from identity_svc.inbox.errors import MessageNotFound
from identity_svc.inbox.models import Message


def visible_to(actor: Actor) -> Select[Message]:
    """The messages an actor may see: those addressed to the actor."""
    return select(Message).where(Message.person_id == actor.id)


async def message(session: AsyncSession, actor: Actor, message_id: UUID) -> Message:
    message = await session.scalar(
        visible_to(actor).where(Message.id == message_id).with_for_update()
    )
    if message is None:
        raise MessageNotFound
    return message


async def list_messages(
    session: AsyncSession, actor: Actor, page: PageRequest, *, unread: bool | None
) -> Window:
    statement = visible_to(actor)
    if unread is not None:
        statement = statement.where(Message.read_at.is_(None) == unread)
    return await paginate(
        session, statement, [(Message.happened_at, "desc"), (Message.id, "desc")], page
    )
