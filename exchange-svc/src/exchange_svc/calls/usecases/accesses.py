"""Record every access to data: a footprint for the person, a link in the ledger's chain."""

from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert

from chassis.database.sessions import WriteSession
from exchange_svc.calls import queries
from exchange_svc.calls.models import Footprint, LedgerEntry
from exchange_svc.calls.rules import chain

_LEDGER_LOCK: Final = 0x1ED6E5


@dataclass(frozen=True)
class Access:
    """One access to somebody's data; without a person (a company's data) it has no footprint."""

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


async def record_access(
    session: WriteSession, access: Access, *, subject: str | None = None, outcome: str = "shown"
) -> None:
    """Write the footprint and its ledger entry; a footprint written before changes nothing.

    `subject` names what was accessed, a certificate for instance.
    """
    if access.person_id is not None:
        statement = insert(Footprint).values(asdict(access)).on_conflict_do_nothing()
        if await session.scalar(statement.returning(Footprint.footprint_id)) is None:
            return
    content = {
        "footprint_id": str(access.footprint_id),
        "person_id": str(access.person_id) if access.person_id else None,
        "at": access.at.astimezone(UTC).isoformat(),
        "department_code": access.department_code,
        "post": access.post,
        "actor_id": str(access.actor_id) if access.actor_id else None,
        "fields": access.fields,
        "case_no": access.case_no,
        "ground": access.ground,
        "seen": subject,
        "outcome": outcome,
    }
    # One writer at a time: two entries with the same predecessor would break the chain.
    await session.execute(select(func.pg_advisory_xact_lock(_LEDGER_LOCK)))
    position, previous = await queries.head(session)
    entry_hash = chain.link(previous, content)
    session.add(
        LedgerEntry(position=position + 1, previous=previous, hash=entry_hash, content=content)
    )
    await session.flush()
