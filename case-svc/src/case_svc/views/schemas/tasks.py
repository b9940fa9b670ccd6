"""A task as the work queue shows it."""

from datetime import date
from typing import Any
from uuid import UUID

from pydantic import BaseModel

from case_svc.views.schemas.case import Moment, NamedOut, action_links
from case_svc.views.usecases.queue import TaskView


class TaskOut(BaseModel):
    """A line of the queue."""

    task_id: UUID
    case_id: UUID
    case_no: str
    item_name: str
    case_status: str
    step: str
    stage: str
    name: str
    post: str | None
    department: NamedOut
    region_code: str
    checks: list[dict[str, Any]]
    status: str
    holder_id: UUID | None
    opened_at: Moment
    claimed_at: Moment | None
    due_on: date
    due_at: Moment
    light: str
    done_at: Moment | None
    outcome: str | None
    note: str | None
    actions: list[str]
    links: dict[str, str]


def task_out(view: TaskView) -> TaskOut:
    task, case = view.task, view.case
    own = task.department_code == case.department_code
    # The end of a procedure has its link in the detail, which knows the procedure.
    actions = [action for action in view.actions if action != "end"]
    return TaskOut(
        **task._asdict(),
        case_id=case.case_id,
        case_no=case.case_no,
        item_name=case.item_name,
        case_status=case.status,
        department=NamedOut(code=task.department_code, name=case.department_name if own else None),
        light=str(view.light),
        actions=view.actions,
        links=action_links(actions, case.case_id, case.item_id, task.task_id),
    )
