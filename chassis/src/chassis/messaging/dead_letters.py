"""Events a consumer gave up on: parked, listed, and re-driven by an operator."""

from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

import structlog
from nats.aio.msg import Msg
from pydantic import BaseModel
from sqlalchemy import func, insert, select, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

from chassis import clock, telemetry
from chassis.database.sessions import WriteSession, transaction
from chassis.database.tables import dead_letter
from chassis.errors import Conflict, NotFound
from chassis.pagination import Key, PageRequest, Window, paginate
from chassis.process import Process

# The bus delivers again after so long when even the dead letter cannot be written.
_DATABASE_AWAY_SECONDS = 40
log = structlog.get_logger()


class DeadLetterNotFound(NotFound):
    slug = "dead-letter-not-found"
    zh = "没有找到这条死信。"
    en = "No such dead letter."


class AlreadyRedriven(Conflict):
    slug = "already-redriven"
    zh = "这条死信已于 {at} 重新处理。"
    en = "This dead letter was re-driven at {at}."


class StillFailing(Conflict):
    slug = "still-failing"
    zh = "重新处理仍然失败：{reason}。请先排除原因。"
    en = "It fails again: {reason}. Mend the cause first."


class DeadLetterOut(BaseModel):
    dead_letter_id: UUID
    service: str
    type: str
    subject: str
    reason: str
    deliveries: int
    parked_at: datetime
    redriven_at: datetime | None
    links: dict[str, str]


async def park(process: Process, message: Msg, reason: str, deliveries: int) -> None:
    """Keep the message as a dead letter and tell the bus that it is done with."""
    try:
        async with transaction(process) as session:
            await session.execute(
                insert(dead_letter).values(
                    dead_letter_id=clock.new_id(),
                    subject=message.subject,
                    type=".".join(message.subject.split(".")[1:-1]),
                    envelope=process.vault.encrypt(message.data.decode(errors="replace")),
                    reason=reason[:2000],
                    deliveries=deliveries,
                )
            )
    except (SQLAlchemyError, OSError):
        await message.nak(delay=_DATABASE_AWAY_SECONDS)
        return
    telemetry.DEAD_LETTERS.labels(process.service).inc()
    log.error("dead_letter", subject=message.subject, reason=reason, deliveries=deliveries)
    await message.term()


async def list_letters(session: AsyncSession, page: PageRequest, *, redriven: bool) -> Window:
    """Dead letters without their content, newest first; `rows` are mappings by column."""
    columns = [column for column in dead_letter.c if column.name != "envelope"]
    statement = select(*columns)
    if not redriven:
        statement = statement.where(dead_letter.c.redriven_at.is_(None))
    keys: list[Key] = [(dead_letter.c.dead_letter_id, "desc")]
    window = await paginate(session, statement, keys, page)
    names = [column.name for column in columns]
    return replace(window, rows=[dict(zip(names, row, strict=True)) for row in window.rows])


async def count_open(session: AsyncSession) -> int:
    statement = select(func.count()).where(dead_letter.c.redriven_at.is_(None))
    return int((await session.execute(statement)).scalar_one())


async def load(session: AsyncSession, dead_letter_id: UUID) -> Any:
    """The row of a letter that was not re-driven; raises DeadLetterNotFound, AlreadyRedriven."""
    statement = select(dead_letter).where(dead_letter.c.dead_letter_id == dead_letter_id)
    row = (await session.execute(statement)).one_or_none()
    if row is None:
        raise DeadLetterNotFound
    if row.redriven_at is not None:
        raise AlreadyRedriven(at=row.redriven_at.isoformat())
    return row


async def mark_redriven(session: WriteSession, dead_letter_id: UUID) -> None:
    letter = update(dead_letter).where(dead_letter.c.dead_letter_id == dead_letter_id)
    await session.execute(letter.values(redriven_at=clock.now()))
