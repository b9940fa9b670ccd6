"""Record every look: a footprint for the person, a link in the ledger's chain."""

from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from exchange_svc.calls import queries
from exchange_svc.calls.models import Footprint, LedgerEntry
from exchange_svc.calls.rules import chain

_LOCK = 0x1ED6E5


@dataclass(frozen=True)
class Look:
    """One look at somebody's data; without a person (a company's data) it leaves no footprint."""

    footprint_id: UUID
    person_id: UUID | None
    at: datetime
    department_code: str | None
    department_name: str | None
    post: str | None
    actor_id: UUID | None
    fields: list[str]
    case_id: UUID | None
    case_no: str | None
    ground: str


async def record_look(
    session: AsyncSession, look: Look, *, seen: str | None = None, outcome: str = "shown"
) -> None:
    """Write the footprint and its ledger entry; a footprint known already changes nothing.

    `seen` names what was looked at, a certificate for instance.
    """
    if look.person_id is None or await _leave_footprint(session, look):
        await _append(session, _content(look) | {"seen": seen, "outcome": outcome})


async def _leave_footprint(session: AsyncSession, look: Look) -> bool:
    statement = insert(Footprint).values(asdict(look)).on_conflict_do_nothing()
    written = await session.execute(statement.returning(Footprint.footprint_id))
    return written.one_or_none() is not None


def _content(look: Look) -> dict[str, Any]:
    return {
        "footprint_id": str(look.footprint_id),
        "person_id": str(look.person_id) if look.person_id else None,
        "at": look.at.astimezone(UTC).isoformat(),
        "department_code": look.department_code,
        "post": look.post,
        "actor_id": str(look.actor_id) if look.actor_id else None,
        "fields": look.fields,
        "case_no": look.case_no,
        "ground": look.ground,
    }


async def _append(session: AsyncSession, content: dict[str, Any]) -> None:
    # One writer at a time: two entries with the same predecessor would break the chain.
    await session.execute(select(func.pg_advisory_xact_lock(_LOCK)))
    place, previous = await queries.head(session)
    session.add(
        LedgerEntry(
            position=place + 1,
            previous=previous,
            hash=chain.link(previous, content),
            content=content,
        )
    )
    await session.flush()
