"""The clocks of a case."""

from datetime import date
from uuid import UUID

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncSession

from case_svc.cases.lifecycle import State
from case_svc.cases.models import Case, CaseClock

NOTIFY, CORRECTION, LEGAL, PROMISE, DELIVERY = (
    "notify",
    "correction",
    "legal",
    "promise",
    "delivery",
)
# Which clock tells until when, by state; the first that runs.
_TELLING = {
    State.SUBMITTED: (NOTIFY,),
    State.CORRECTION_REQUIRED: (CORRECTION,),
    State.ACCEPTED: (PROMISE, LEGAL),
    State.IN_REVIEW: (PROMISE, LEGAL),
    State.SUSPENDED: (PROMISE, LEGAL),
    State.CERTIFYING: (DELIVERY,),
    State.DELIVERING: (DELIVERY,),
}


async def clocks_of(session: AsyncSession, case_id: UUID) -> list[CaseClock]:
    statement = (
        select(CaseClock)
        .where(CaseClock.case_id == case_id)
        .order_by(CaseClock.started_at, CaseClock.clock_id)
    )
    return list(await session.scalars(statement))


async def running_clocks(session: AsyncSession, case_id: UUID) -> list[CaseClock]:
    return [one for one in await clocks_of(session, case_id) if one.stopped_at is None]


def until(case: Case, clocks: list[CaseClock]) -> date | None:
    """Until when the next thing is to happen."""
    running = {one.kind: one.due_on for one in clocks if one.stopped_at is None}
    for kind in _TELLING.get(case.state, ()):
        if kind in running:
            return running[kind]
    return None


def touching(year: int) -> Select[CaseClock]:
    """Running clocks whose period touches the year."""
    return select(CaseClock).where(
        CaseClock.stopped_at.is_(None), CaseClock.calendar.contains(f"{year}:")
    )
