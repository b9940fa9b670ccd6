"""Tasks as the work queue shows them: with lights, and with what this officer may do."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from case_svc.cases import policies
from case_svc.cases.rules.lifecycle import State
from case_svc.cases.rules.steps import Stage
from case_svc.clocks.queries import load_calendar
from case_svc.clocks.rules import legal_time
from case_svc.clocks.rules.legal_time import Light
from case_svc.settings import settings_of
from case_svc.views.queries import queue
from case_svc.views.queries.queue import Queued, QueuedCaseRow, QueuedTaskRow, QueueScope
from chassis.auth import Actor
from chassis.clock import now
from chassis.errors import Forbidden
from chassis.pagination import PageRequest, Window


class TaskView(NamedTuple):
    task: QueuedTaskRow
    case: QueuedCaseRow
    light: Light
    actions: list[str]


async def show_queue(
    session: AsyncSession, actor: Actor, scope: QueueScope, page: PageRequest
) -> tuple[Window, list[TaskView]]:
    """The whole department's queue is for who manages it."""
    if scope is QueueScope.DEPARTMENT and not policies.may_manage(actor):
        raise Forbidden
    window, tasks = await queue.list_tasks(session, actor, scope, page)
    return window, await _describe(session, actor, tasks)


async def show_task(session: AsyncSession, actor: Actor, task_id: UUID) -> TaskView:
    (view,) = await _describe(session, actor, [await queue.load_task(session, actor, task_id)])
    return view


async def _describe(session: AsyncSession, actor: Actor, tasks: Sequence[Queued]) -> list[TaskView]:
    calendar, moment = await load_calendar(session), now()
    days = settings_of(session).light_warning_days
    green_from = legal_time.green_from(calendar, moment, warning_days=days)
    # Claims keep from acceptance only what the officer could accept now.
    acceptable = (
        case
        for task, case in tasks
        if task.stage == Stage.ACCEPTANCE and policies.in_hand(actor, task)
    )
    blocked = await queue.blocked_cases(session, acceptable)
    return [
        TaskView(
            task,
            case,
            light_of(task, case, moment, green_from),
            policies.staff_actions(actor, case, task, blocked=case.case_id in blocked),
        )
        for task, case in tasks
    ]


def light_of(task: QueuedTaskRow, case: QueuedCaseRow, moment: datetime, green_from: date) -> Light:
    """Red when the step is late, yellow when it soon will be; a suspended case waits in green."""
    if task.done_at is not None:
        return Light.RED if task.done_at >= task.due_at else Light.GREEN
    if case.status == State.SUSPENDED:
        return Light.GREEN
    return legal_time.light(green_from, moment, task.due_on, task.due_at)
