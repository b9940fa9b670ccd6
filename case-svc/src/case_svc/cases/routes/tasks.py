"""The work queue: rows 10 and 11 of the API."""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Response
from sqlalchemy.ext.asyncio import AsyncSession

from case_svc.cases.errors import (
    NotInHand,
    NotYourStep,
    SubmissionInvalid,
    TaskDone,
    TaskNotFound,
    TaskTaken,
    TransferNotPermitted,
)
from case_svc.cases.models import Case, CaseTask
from case_svc.cases.queries.calendar import load_calendar
from case_svc.cases.queries.tasks import calendar_years, list_tasks
from case_svc.cases.schemas.handling import TransferIn
from case_svc.cases.schemas.timing import TaskOut, task_line, task_out
from case_svc.cases.usecases import queue, tasks
from chassis.auth import Actor, Staff
from chassis.db import ReadSession, Session
from chassis.errors import Forbidden
from chassis.pagination import Page, PageQuery, page_of_lines
from chassis.problems import problems
from chassis.straight import StraightRoute

router = APIRouter(prefix="/api/v1/tasks", tags=["tasks"], route_class=StraightRoute)

Scope = Annotated[
    Literal["pool", "mine", "done", "department"],
    Query(description="What I may claim, what I have, what I finished; all of the department"),
]


@router.get("", response_model=Page[TaskOut], responses=problems(Forbidden))
async def read_queue(
    actor: Staff, session: ReadSession, page: PageQuery, scope: Scope = "pool"
) -> Response:
    """Tasks of my department and region, oldest due first; what is done, latest first."""
    queue.ensure_scope(actor, scope)
    found = await list_tasks(session, actor, scope, page)
    shown = await queue.look(session, actor, found.window.rows, found.calendar)
    return page_of_lines(found.window, [task_line(one) for one in shown])


@router.post("/{task_id}/claim", responses=problems(NotYourStep, TaskNotFound, TaskTaken, TaskDone))
async def claim_task(task_id: UUID, actor: Staff, session: Session) -> TaskOut:
    """Take the task out of the pool."""
    return await _out(session, actor, await tasks.claim_task(session, actor, task_id))


@router.post("/{task_id}/release", responses=problems(TaskNotFound, NotInHand, TaskDone))
async def release_task(task_id: UUID, actor: Staff, session: Session) -> TaskOut:
    """Put the task back into the pool."""
    return await _out(session, actor, await tasks.release_task(session, actor, task_id))


@router.post(
    "/{task_id}/transfer",
    responses=problems(TransferNotPermitted, TaskNotFound, TaskDone, SubmissionInvalid),
)
async def transfer_task(task_id: UUID, body: TransferIn, actor: Staff, session: Session) -> TaskOut:
    """Give the task to a colleague of the same department and region."""
    moved = await tasks.transfer_task(session, actor, task_id, body.to)
    return await _out(session, actor, moved)


async def _out(session: AsyncSession, actor: Actor, pair: tuple[CaseTask, Case]) -> TaskOut:
    calendar = await load_calendar(session, *calendar_years())
    (shown,) = await queue.look(session, actor, [pair], calendar)
    return task_out(shown)
