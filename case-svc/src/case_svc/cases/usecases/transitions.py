"""What every action does: lock the case, change its state, write its history."""

from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from case_svc.cases.models import Case, CaseEntry
from case_svc.cases.queries import get_case
from case_svc.cases.rules.lifecycle import Action
from chassis.auth import Actor
from chassis.clock import new_id, now
from chassis.preconditions import ensure_match


async def open_case(
    session: AsyncSession, actor: Actor, case_id: UUID, match: str | None = None
) -> Case:
    """The case, locked before its state is read: two officers may act at once."""
    case = await get_case(session, actor, case_id, for_update=True)
    ensure_match(match, case.version)
    return case


def transition(
    session: AsyncSession,
    case: Case,
    action: Action,
    actor: Actor | None = None,
    *,
    note: str | None = None,
) -> None:
    """Take the step and write it into the history; IllegalMove leaves both alone."""
    before, step = case.status, case.step
    case.move(action)
    session.add(_entry(case, action, actor, before=before, step=step, note=note))


def add_history_entry(
    session: AsyncSession,
    case: Case,
    action: str,
    actor: Actor | None = None,
    *,
    note: str | None = None,
) -> None:
    """A row of the history for what changes no state."""
    case.version += 1
    session.add(_entry(case, action, actor, before=case.status, step=case.step, note=note))


def event_fields(case: Case) -> dict[str, Any]:
    """What every event about the case says."""
    return {
        "case_id": case.case_id,
        "case_no": case.case_no,
        "version": case.version,
        "item_id": case.item_id,
        "item_name": case.item_name,
        "department_code": case.department_code,
        "region_code": case.region_code,
        "person_id": case.person_id,
        "company_id": case.company_id,
        "status": case.status,
    }


def _entry(
    case: Case, action: str, actor: Actor | None, *, before: str, step: str | None, note: str | None
) -> CaseEntry:
    return CaseEntry(
        entry_id=new_id(),
        case=case,
        sequence=case.version,
        action=str(action),
        from_status=before,
        to_status=case.status,
        step=step,
        actor_kind=actor.kind if actor else "system",
        actor_id=actor.id if actor else None,
        department=actor.department if actor else None,
        post=actor.post if actor else None,
        note=note,
        at=now(),
    )
