"""Open, take, finish and cancel the task of a case."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from case_svc.cases import policies, queries
from case_svc.cases.errors import TaskNotClaimed
from case_svc.cases.models import Case, CaseTask
from case_svc.cases.rules.lifecycle import Action, TaskStatus, possible, step
from case_svc.cases.rules.steps import Stage, Step
from case_svc.cases.usecases.clocks import set_due
from case_svc.clocks.rules.legal_time import Calendar
from chassis.auth import Actor
from chassis.clock import new_id, now


def open_task(
    session: AsyncSession,
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


async def cancel_task(session: AsyncSession, case: Case, outcome: str) -> None:
    """The case ended without the step being finished."""
    task = await queries.present_task(session, case.case_id)
    if task is not None:
        task.status, task.outcome, task.done_at = TaskStatus.CANCELLED, outcome, now()
    case.step = None


def hold_task(task: CaseTask, staff_id: UUID) -> None:
    task.status, task.holder_id, task.claimed_at = TaskStatus.HELD, staff_id, now()


async def require_task_in_hand(
    session: AsyncSession, actor: Actor, case: Case, action: Action, stage: Stage | None = None
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
