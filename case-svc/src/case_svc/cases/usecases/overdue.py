"""What happens when a date passes: one turn looks for it, each finds only what is still open."""

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from case_svc.cases.lifecycle import Action, State, allowed
from case_svc.cases.models import Case, CaseClock, CaseMaterial
from case_svc.cases.queries.clocks import CORRECTION, NOTIFY
from case_svc.cases.usecases.acceptance import deem_accepted
from case_svc.cases.usecases.correcting import lapse_case, return_case
from case_svc.cases.usecases.moves import settings_of
from chassis.clock import now, today

PER_TURN = 100
_LAPSING = [str(state) for state in State if Action.LAPSE in allowed(state)]


async def deem_overdue_accepted(session: AsyncSession) -> None:
    """Five working days without a word: accepted as of the receipt (行政许可法 32(4))."""
    for case in await _overdue(session, NOTIFY, State.SUBMITTED):
        await deem_accepted(session, case)


async def end_overdue_corrections(session: AsyncSession) -> None:
    """Returned or taken as withdrawn, as the setting says."""
    for case in await _overdue(session, CORRECTION, State.CORRECTION_REQUIRED):
        if settings_of(session).overdue_correction == "returned":
            await return_case(session, case, "overdue_supplement")
        else:
            await lapse_case(session, case, "overdue_supplement")


async def end_overdue_promises(session: AsyncSession) -> None:
    """容缺: what was promised and not brought in time counts as withdrawn."""
    if not settings_of(session).overdue_promise_withdraws:
        return
    late = select(CaseMaterial.case_id).where(
        CaseMaterial.state == "promised",
        CaseMaterial.replaced_at.is_(None),
        CaseMaterial.promised_until < today(),
    )
    statement = (
        select(Case)
        .where(Case.case_id.in_(late), Case.status.in_(_LAPSING))
        .limit(PER_TURN)
        .with_for_update(skip_locked=True)
    )
    for case in (await session.scalars(statement)).all():
        await lapse_case(session, case, "overdue_promise")


async def _overdue(session: AsyncSession, kind: str, state: State) -> list[Case]:
    passed = select(CaseClock.case_id).where(
        CaseClock.kind == kind, CaseClock.stopped_at.is_(None), CaseClock.due_at <= now()
    )
    statement = (
        select(Case)
        .where(Case.case_id.in_(passed), Case.status == str(state))
        .limit(PER_TURN)
        # A case an officer is acting on right now waits for the next turn.
        .with_for_update(skip_locked=True)
    )
    return list((await session.scalars(statement)).all())
