"""Publish the present state of cases again, for services whose copies were lost."""

from sqlalchemy.ext.asyncio import AsyncSession

from case_svc.cases.events import CaseRestated
from case_svc.cases.models import Case
from case_svc.cases.usecases.transitions import event_fields
from chassis.outbox import record


async def publish_state(session: AsyncSession, case: Case) -> None:
    """An event of its own: any other would notify the applicant of a step once more."""
    await record(session, CaseRestated(**event_fields(case)))
