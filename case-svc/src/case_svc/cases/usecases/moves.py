"""What every verb needs: the move with its history row, the facts for events, the settings."""

from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from case_svc.cases.lifecycle import Action
from case_svc.cases.models import Case, CaseEntry
from case_svc.cases.queries.cases import get_case
from case_svc.settings import CaseSettings
from case_svc.tables import new_row
from chassis.auth import Actor
from chassis.clock import new_id, now
from chassis.db import context
from chassis.preconditions import ensure_match


def settings_of(session: AsyncSession) -> CaseSettings:
    settings = context(session).settings
    assert isinstance(settings, CaseSettings)
    return settings


async def open_case(
    session: AsyncSession, actor: Actor, case_id: UUID, match: str | None = None
) -> Case:
    """The case, locked before its state is read: two officers may act at once."""
    case = await get_case(session, actor, case_id, for_update=True)
    ensure_match(match, case.version)
    return case


def move(
    session: AsyncSession,
    case: Case,
    action: Action,
    actor: Actor | None = None,
    *,
    note: str | None = None,
) -> None:
    """Take the step and write it into the history; IllegalMove leaves both alone."""
    session.add(moved(case, action, actor, note=note))


def moved(
    case: Case, action: Action, actor: Actor | None = None, *, note: str | None = None
) -> CaseEntry:
    """Take the step; its row of the history, not yet in any session."""
    before, step = case.status, case.step
    case.move(action)
    return _entry(case, str(action), actor, before=before, step=step, note=note)


def remark(
    session: AsyncSession,
    case: Case,
    action: str,
    actor: Actor | None = None,
    *,
    note: str | None = None,
) -> None:
    """A history row for what changes no state."""
    case.version += 1
    session.add(_entry(case, action, actor, before=case.status, step=case.step, note=note))


def facts(case: Case) -> dict[str, Any]:
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
    case: Case,
    action: str,
    actor: Actor | None,
    *,
    before: str | None,
    step: str | None,
    note: str | None,
) -> CaseEntry:
    return new_row(
        CaseEntry,
        entry_id=new_id(),
        case_id=case.case_id,
        sequence=case.version,
        action=action,
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
