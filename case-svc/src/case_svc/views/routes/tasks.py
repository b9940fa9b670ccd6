"""Reading the work queue."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from case_svc.cases.errors import TaskNotFound
from case_svc.views.queries.queue import QueueScope
from case_svc.views.schemas.tasks import TaskOut, task_out
from case_svc.views.usecases.queue import show_queue, show_task
from chassis.auth import Staff
from chassis.database.sessions import ReadSession
from chassis.errors import Forbidden
from chassis.http.route import TransactionRoute
from chassis.pagination import Page, PageQuery, page_of
from chassis.problems import problems

router = APIRouter(route_class=TransactionRoute, prefix="/api/v1/tasks", tags=["tasks"])

Scope = Annotated[
    QueueScope,
    Query(description="What I may claim, what I have, what I finished; all of the department"),
]


@router.get("", responses=problems(Forbidden))
async def read_queue(
    actor: Staff, session: ReadSession, page: PageQuery, scope: Scope = QueueScope.POOL
) -> Page[TaskOut]:
    """Tasks of my department and region, oldest due first; what is done, latest first."""
    window, tasks = await show_queue(session, actor, scope, page)
    return page_of(window, [task_out(task) for task in tasks])


@router.get("/{task_id}", responses=problems(TaskNotFound))
async def read_task(task_id: UUID, actor: Staff, session: ReadSession) -> TaskOut:
    """A task of my department and region, with what I may do with it now."""
    return task_out(await show_task(session, actor, task_id))
