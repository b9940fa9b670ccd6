"""What every action does to a case: open it, change its state, move its task and its clocks."""

import json
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic_core import to_json

from case_svc.cases import policies, queries
from case_svc.cases.errors import TaskNotClaimed
from case_svc.cases.events import CaseRestated
from case_svc.cases.models import Case, CaseClock, CaseEntry, CaseTask
from case_svc.cases.queries import get_case
from case_svc.cases.rules.lifecycle import Action, TaskStatus, possible, step
from case_svc.cases.rules.steps import Stage, Step
from case_svc.clocks.queries import load_calendar
from case_svc.clocks.rules import legal_time
from case_svc.clocks.rules.legal_time import STOPPABLE, Calendar, ClockKind, Limit, Span, Unit
from case_svc.settings import settings_of
from chassis.auth import Actor
from chassis.clock import new_id, now
from chassis.database.sessions import WriteSession, process_of
from chassis.outbox import record
from chassis.preconditions import ensure_match


async def open_case(
    session: WriteSession, actor: Actor, case_id: UUID, match: str | None = None
) -> Case:
    """The case, locked before its state is read: two officers may act at once."""
    case = await get_case(session, actor, case_id, for_update=True)
    ensure_match(match, case.version)
    return case


def transition(
    session: WriteSession,
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
    session: WriteSession,
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


def open_task(
    session: WriteSession,
    case: Case,
    next_step: Step,
    calendar: Calendar,
    *,
    opened_to: UUID | None = None,
    note: str | None = None,
) -> None:
    """Put the step into the pool; `opened_to` may go on with it without claiming."""
    case.step = next_step.step_id
    task = CaseTask(
        task_id=new_id(),
        case=case,
        step=next_step.step_id,
        stage=str(next_step.stage),
        name=next_step.name,
        post=next_step.post,
        checks=[dict(check) for check in next_step.checks],
        limit_value=next_step.limit.value,
        limit_unit=str(next_step.limit.unit),
        department_code=next_step.department_code or case.department_code,
        region_code=case.region_code,
        status=TaskStatus.OPEN,
        opened_to=opened_to,
        opened_at=now(),
        note=note,
    )
    set_due(calendar, task)
    session.add(task)


def finish_task(task: CaseTask, actor: Actor | None, outcome: str) -> None:
    task.status, task.outcome = TaskStatus.DONE, outcome
    task.done_at, task.done_by = now(), actor.id if actor else None


async def cancel_task(session: WriteSession, case: Case, outcome: str) -> None:
    """The case ended without the step being finished."""
    task = await queries.present_task(session, case.case_id)
    if task is not None:
        task.status, task.outcome, task.done_at = TaskStatus.CANCELLED, outcome, now()
    case.step = None


def hold_task(task: CaseTask, staff_id: UUID) -> None:
    task.status, task.holder_id, task.claimed_at = TaskStatus.HELD, staff_id, now()


async def require_task_in_hand(
    session: WriteSession, actor: Actor, case: Case, action: Action, stage: Stage | None = None
) -> CaseTask:
    """The present task, in the actor's hand and fit for `action`.

    Refused in this order: the role (403), the state (409), the hand (409).
    """
    task = await queries.present_task(session, case.case_id)
    present = Stage(task.stage) if task else Stage.REVIEW
    policies.ensure_may_take(actor, action, case, present, task.name if task else str(action))
    step(case.state, action)
    if task is None or not policies.in_hand(actor, task) or (stage and present != stage):
        raise TaskNotClaimed(step=task.name if task else "–", possible=possible(case.state))
    if task.status == TaskStatus.OPEN:
        hold_task(task, actor.id)
    return task


_PERMIT = "01"


def start_clock(
    session: WriteSession,
    case: Case,
    kind: ClockKind,
    limit: Limit,
    calendar: Calendar,
    started_at: datetime,
) -> CaseClock:
    due = legal_time.due(calendar, limit, started_at)
    clock = CaseClock(
        clock_id=new_id(),
        case=case,
        kind=str(kind),
        unit=str(limit.unit),
        value=limit.value,
        started_at=started_at,
        due_on=due.on,
        due_at=due.at,
        provisional=due.provisional,
        calendar=due.calendar,
    )
    session.add(clock)
    return clock


def start_decision_clocks(
    session: WriteSession,
    case: Case,
    guide: dict[str, Any],
    calendar: Calendar,
    accepted_at: datetime,
) -> None:
    """The legal period and the promised one, each if there is one; both are reported."""
    limits = {ClockKind.LEGAL: guide.get("legal_limit"), ClockKind.PROMISE: guide.get("promise")}
    for kind, named in limits.items():
        # `value` 0: the guide says there is no such period, and why.
        if named and named["value"]:
            limit = Limit(int(named["value"]), Unit(named["unit"]))
        elif kind is ClockKind.LEGAL and case.task_type == _PERMIT:
            limit = Limit(settings_of(session).decision_days, Unit.WORKING_DAY)
        else:
            continue
        start_clock(session, case, kind, limit, calendar, accepted_at)


async def stop_clocks(
    session: WriteSession, case: Case, kinds: Collection[str] = frozenset(ClockKind)
) -> None:
    """Stop those of these kinds that run."""
    for clock in await queries.running_clocks(session, case.case_id):
        if clock.kind in kinds:
            clock.stopped_at = now()


async def recompute(session: WriteSession, case: Case, calendar: Calendar) -> None:
    """After a special procedure began or ended, after an extension, or with a new calendar."""
    spans = legal_time.spans_of(await queries.intervals_of(session, case.case_id))
    for clock in await queries.running_clocks(session, case.case_id):
        due = legal_time.due(
            calendar,
            Limit(clock.value, Unit(clock.unit)),
            clock.started_at,
            spans if clock.kind in STOPPABLE else (),
            extension=clock.extension,
        )
        clock.due_on, clock.due_at = due.on, due.at
        clock.provisional, clock.calendar = due.provisional, due.calendar
    task = await queries.present_task(session, case.case_id)
    if task is not None:
        set_due(calendar, task, spans)


async def recompute_year(session: WriteSession, year: int) -> None:
    """Every running deadline that touches the year, not only the provisional ones."""
    calendar = await load_calendar(session)
    for case_id in await queries.cases_touching(session, year):
        case = await queries.lock_case(session, case_id)
        assert case is not None
        await recompute(session, case, calendar)


def set_due(calendar: Calendar, task: CaseTask, spans: Sequence[Span] = ()) -> None:
    limit = Limit(task.limit_value, Unit(task.limit_unit))
    due = legal_time.due(calendar, limit, task.opened_at, spans)
    task.due_on, task.due_at = due.on, due.at


def encrypt_json(session: WriteSession, content: Mapping[str, Any]) -> bytes:
    return process_of(session).vault.encrypt(to_json(content).decode())


def decrypt_json(session: WriteSession, box: bytes | None) -> dict[str, Any]:
    if box is None:
        return {}
    content: dict[str, Any] = json.loads(process_of(session).vault.decrypt(box))
    return content


async def publish_state(session: WriteSession, case: Case) -> None:
    """An event of its own: any other would notify the applicant of a step once more."""
    await record(session, CaseRestated(**event_fields(case)))
