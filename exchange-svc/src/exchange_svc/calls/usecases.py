"""Record every look: a footprint for the person, a link in the ledger's chain."""

from dataclasses import asdict, dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from exchange_svc.calls import chain
from exchange_svc.calls.models import Footprint, LedgerEntry

_LOCK = 0x1ED6E5


@dataclass(frozen=True)
class Look:
    """One look at one person's data."""

    footprint_id: UUID
    person_id: UUID
    at: datetime
    department_code: str | None
    department_name: str | None
    post: str | None
    actor_id: UUID | None
    fields: list[str]
    case_id: UUID | None
    case_no: str | None
    ground: str


async def record_look(session: AsyncSession, look: Look) -> None:
    """Write the footprint and its ledger entry; a look known already changes nothing."""
    statement = insert(Footprint).values(asdict(look)).on_conflict_do_nothing()
    written = await session.execute(statement.returning(Footprint.footprint_id))
    if written.one_or_none() is not None:
        await _append(session, look)


async def _append(session: AsyncSession, look: Look) -> None:
    # One writer at a time: two entries with the same predecessor would break the chain.
    await session.execute(select(func.pg_advisory_xact_lock(_LOCK)))
    statement = select(LedgerEntry).order_by(LedgerEntry.position.desc()).limit(1)
    last = (await session.scalars(statement)).one_or_none()
    previous = last.hash if last else chain.START
    content = {
        "footprint_id": str(look.footprint_id),
        "person_id": str(look.person_id),
        "at": look.at.isoformat(),
        "department_code": look.department_code,
        "actor_id": str(look.actor_id) if look.actor_id else None,
        "fields": look.fields,
        "case_no": look.case_no,
        "ground": look.ground,
    }
    session.add(
        LedgerEntry(
            position=(last.position if last else 0) + 1,
            previous=previous,
            hash=chain.link(previous, content),
            content=content,
        )
    )
    await session.flush()
