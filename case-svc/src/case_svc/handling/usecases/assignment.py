"""Claim, release and transfer tasks."""

from uuid import UUID

from case_svc.cases import policies
from case_svc.cases.errors import StepNotPermitted, TaskNotClaimed
from case_svc.cases.models import Case, CaseTask
from case_svc.cases.queries import lock_case
from case_svc.cases.rules.lifecycle import TaskStatus
from case_svc.cases.rules.steps import Stage
from case_svc.cases.usecases import hold_task
from case_svc.handling.errors import ColleagueNotFit, TaskDone, TaskTaken
from case_svc.parties.queries import find_colleague
from case_svc.views.queries.queue import load_task
from chassis.auth import Actor
from chassis.database.sessions import WriteSession


async def claim_task(session: WriteSession, actor: Actor, task_id: UUID) -> None:
    """Take it out of the pool; the second of two is told that someone was first."""
    task, case = await _lock_task(session, actor, task_id)
    if not policies.may_finish(actor, Stage(task.stage), case):
        raise StepNotPermitted(step=task.name)
    if not task.is_present:
        raise TaskDone
    if task.status == TaskStatus.OPEN:
        hold_task(task, actor.id)
    elif task.holder_id != actor.id:
        raise TaskTaken


async def release_task(session: WriteSession, actor: Actor, task_id: UUID) -> None:
    """Put it back; the holder may, and the department's administrator."""
    task, _ = await _lock_task(session, actor, task_id)
    if not task.is_present:
        raise TaskDone
    permitted = policies.in_hand(actor, task) or policies.may_manage(actor)
    if not policies.is_taken(task) or not permitted:
        raise TaskNotClaimed(step=task.name)
    task.status, task.holder_id, task.claimed_at, task.opened_to = TaskStatus.OPEN, None, None, None


async def transfer_task(session: WriteSession, actor: Actor, task_id: UUID, to: UUID) -> None:
    """Into the hand of a colleague of the same department and region whose role fits."""
    policies.ensure_may_transfer(actor)
    task, case = await _lock_task(session, actor, task_id)
    if not task.is_present:
        raise TaskDone
    colleague = await find_colleague(session, to, task.department_code)
    if colleague is None:
        raise ColleagueNotFit("unknown_colleague", "本部门没有这位工作人员", "no such colleague")
    receiver = Actor(
        id=colleague.staff_id,
        kind="staff",
        client_id="",
        department=colleague.department_code,
        region=colleague.region_code,
        roles=frozenset(colleague.roles),
    )
    if not policies.same_place(receiver, task.department_code, task.region_code):
        raise ColleagueNotFit("other_region", "对方不负责该区划", "not of this region")
    if not policies.may_finish(receiver, Stage(task.stage), case):
        zh, en = "对方的岗位不能办理此环节", "the role does not permit the step"
        raise ColleagueNotFit("role", zh, en)
    hold_task(task, colleague.staff_id)


async def _lock_task(session: WriteSession, actor: Actor, task_id: UUID) -> tuple[CaseTask, Case]:
    """The case is locked before the task is read: two officers may act at once."""
    _, visible = await load_task(session, actor, task_id)
    case = await lock_case(session, visible.case_id)
    assert case is not None
    return await session.get_one(CaseTask, task_id), case
