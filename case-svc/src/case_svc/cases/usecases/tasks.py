"""Open, claim, release, transfer and finish tasks."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from case_svc.cases import policies
from case_svc.cases.errors import NotInHand, NotYourStep, SubmissionInvalid, TaskDone, TaskTaken
from case_svc.cases.lifecycle import Action, possible, step
from case_svc.cases.models import Case, CaseTask
from case_svc.cases.queries import cases as case_queries
from case_svc.cases.queries.tasks import find_task
from case_svc.cases.steps import Stage, Step
from case_svc.cases.usecases.clocks import time_task
from case_svc.parties import queries as parties
from case_svc.tables import new_row
from chassis.auth import Actor
from chassis.clock import new_id, now
from chassis.errors import FieldError


async def open_task(
    session: AsyncSession,
    case: Case,
    next_step: Step,
    *,
    opened_to: UUID | None = None,
    note: str | None = None,
) -> CaseTask:
    """Put the step into the pool; `opened_to` may go on with it without claiming."""
    await session.flush()
    task = new_task(case, next_step, opened_to=opened_to, note=note)
    await time_task(session, task)
    session.add(task)
    return task


def new_task(
    case: Case, next_step: Step, *, opened_to: UUID | None = None, note: str | None = None
) -> CaseTask:
    """The task of the step the case now stands at; its due date is still to be set."""
    case.step = next_step.step_id
    return new_row(
        CaseTask,
        task_id=new_id(),
        case_id=case.case_id,
        step=next_step.step_id,
        stage=str(next_step.stage),
        name=next_step.name,
        post=next_step.post,
        checks=[dict(one) for one in next_step.checks],
        limit_value=next_step.limit.value,
        limit_unit=str(next_step.limit.unit),
        department_code=next_step.department_code or case.department_code,
        region_code=case.region_code,
        status="open",
        opened_to=opened_to,
        opened_at=now(),
        note=note,
    )


def finish_task(task: CaseTask, actor: Actor | None, outcome: str) -> None:
    task.status, task.outcome = "done", outcome
    task.done_at, task.done_by = now(), actor.id if actor else None


async def cancel_task(session: AsyncSession, case: Case, outcome: str) -> None:
    """The case ended without the step being finished."""
    task = await case_queries.present_task(session, case.case_id)
    if task is not None:
        task.status, task.outcome, task.done_at = "cancelled", outcome, now()
    case.step = None


async def take(
    session: AsyncSession, actor: Actor, case: Case, action: Action, stage: Stage | None = None
) -> CaseTask:
    """The present task, in the actor's hand and fit for `action`.

    Refused in this order: the role (403), the state (409), the hand (409).
    """
    task = await case_queries.present_task(session, case.case_id)
    policies.ensure_may_take(actor, action, case, task)
    step(case.state, action)
    if task is None or not policies.in_hand(actor, task) or (stage and task.stage != stage):
        raise NotInHand(step=task.name if task else "–", possible=possible(case.state))
    if task.status == "open":
        _hold(task, actor.id)
    return task


async def claim_task(session: AsyncSession, actor: Actor, task_id: UUID) -> tuple[CaseTask, Case]:
    """Take it out of the pool; the second of two is told that someone was first."""
    task, case = await _locked(session, actor, task_id)
    if not policies.may_finish(actor, Stage(task.stage), case):
        raise NotYourStep(step=task.name)
    if task.status == "held" and task.holder_id == actor.id:
        return task, case
    if task.status == "held":
        raise TaskTaken
    if task.status != "open":
        raise TaskDone
    _hold(task, actor.id)
    return task, case


async def release_task(session: AsyncSession, actor: Actor, task_id: UUID) -> tuple[CaseTask, Case]:
    """Put it back; the holder may, and the department's administrator."""
    task, case = await _locked(session, actor, task_id)
    if task.status not in ("open", "held"):
        raise TaskDone
    if not task.is_taken or not (policies.in_hand(actor, task) or policies.may_manage(actor)):
        raise NotInHand(step=task.name)
    task.status, task.holder_id, task.claimed_at, task.opened_to = "open", None, None, None
    return task, case


async def transfer_task(
    session: AsyncSession, actor: Actor, task_id: UUID, to: UUID
) -> tuple[CaseTask, Case]:
    """Into the hand of a colleague of the same department and region whose role fits."""
    policies.ensure_may_transfer(actor)
    task, case = await _locked(session, actor, task_id)
    if task.status not in ("open", "held"):
        raise TaskDone
    colleague = await parties.colleague(session, to, task.department_code)
    if colleague is None:
        raise _not_fit("unknown_colleague", "本部门没有这位工作人员", "no such colleague")
    taker = Actor(
        id=colleague.staff_id,
        kind="staff",
        client_id="",
        department=colleague.department_code,
        region=colleague.region_code,
        roles=frozenset(colleague.roles),
    )
    if not policies.same_place(taker, task.department_code, task.region_code):
        raise _not_fit("other_region", "对方不负责该区划", "not of this region")
    if not policies.may_finish(taker, Stage(task.stage), case):
        raise _not_fit("role", "对方的岗位不能办理此环节", "the role does not permit the step")
    _hold(task, colleague.staff_id)
    return task, case


def _hold(task: CaseTask, staff_id: UUID) -> None:
    task.status, task.holder_id, task.claimed_at = "held", staff_id, now()


async def _locked(session: AsyncSession, actor: Actor, task_id: UUID) -> tuple[CaseTask, Case]:
    """The case is locked before the task is read: two officers may act at once."""
    _, seen = await find_task(session, actor, task_id)
    case = await case_queries.lock_case(session, seen.case_id)
    task = await session.get_one(CaseTask, task_id, populate_existing=True)
    return task, case


def _not_fit(code: str, zh: str, en: str) -> SubmissionInvalid:
    return SubmissionInvalid([FieldError("/to", code, zh, en)])
