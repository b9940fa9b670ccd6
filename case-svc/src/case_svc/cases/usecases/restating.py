"""Tell again how cases stand, for services whose copies were lost."""

from sqlalchemy.ext.asyncio import AsyncSession

from case_svc.cases.events import CaseRestated
from case_svc.cases.models import Case
from case_svc.cases.usecases.moves import facts
from chassis.outbox import record


async def restate(session: AsyncSession, case: Case) -> None:
    """An event of its own: any other would tell the applicant of a step once more."""
    await record(session, CaseRestated(**facts(case)))
