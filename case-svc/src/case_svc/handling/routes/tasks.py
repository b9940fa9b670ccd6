"""What officers do with a task. Each answers as GET shows the task now."""

from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Response

from case_svc.cases.errors import (
    StepNotPermitted,
    TaskNotClaimed,
    TaskNotFound,
    TransferNotPermitted,
)
from case_svc.handling.errors import ColleagueNotFit, TaskDone, TaskTaken
from case_svc.handling.schemas import TransferIn
from case_svc.handling.usecases import assignment
from case_svc.views.schemas.tasks import TaskOut, task_out
from case_svc.views.usecases.queue import show_task
from chassis.auth import Staff
from chassis.database.sessions import WriteSession
from chassis.http.route import TransactionRoute
from chassis.problems import problems

router = APIRouter(route_class=TransactionRoute, prefix="/api/v1/tasks/{task_id}", tags=["tasks"])


@dataclass
class TaskActionRequest:
    task_id: UUID
    actor: Staff
    session: WriteSession
    response: Response

    async def answer(self) -> TaskOut:
        self.response.headers["Content-Location"] = f"/api/v1/tasks/{self.task_id}"
        return task_out(await show_task(self.session, self.actor, self.task_id))


TaskAction = Annotated[TaskActionRequest, Depends()]


@router.post("/claim", responses=problems(StepNotPermitted, TaskNotFound, TaskTaken, TaskDone))
async def claim_task(action: TaskAction) -> TaskOut:
    """Take the task out of the pool."""
    await assignment.claim_task(action.session, action.actor, action.task_id)
    return await action.answer()


@router.post("/release", responses=problems(TaskNotFound, TaskNotClaimed, TaskDone))
async def release_task(action: TaskAction) -> TaskOut:
    """Put the task back into the pool."""
    await assignment.release_task(action.session, action.actor, action.task_id)
    return await action.answer()


@router.post(
    "/transfer", responses=problems(TransferNotPermitted, TaskNotFound, TaskDone, ColleagueNotFit)
)
async def transfer_task(action: TaskAction, body: TransferIn) -> TaskOut:
    """Give the task to a colleague of the same department and region."""
    await assignment.transfer_task(action.session, action.actor, action.task_id, body.to)
    return await action.answer()
