"""Tasks of the actor's department and region, as the work queue shows them."""

from collections.abc import Iterable
from datetime import date, datetime
from enum import StrEnum
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, false, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from case_svc.cases import policies
from case_svc.cases.errors import TaskNotFound
from case_svc.cases.models import Case, CaseMaterial, CaseTask, is_one_of
from case_svc.cases.queries import within
from case_svc.cases.rules.lifecycle import MaterialState, TaskStatus
from case_svc.cases.rules.steps import Stage
from case_svc.views.queries.rows import columns_of, load_rows
from chassis.auth import Actor
from chassis.pagination import Key, PageRequest, Window, paginate


class QueueScope(StrEnum):
    POOL = "pool"
    MINE = "mine"
    DONE = "done"
    DEPARTMENT = "department"


class QueuedCaseRow(NamedTuple):
    """What the queue shows of a case, and what the rules read of it; nothing personal."""

    case_id: UUID
    case_no: str
    item_id: UUID
    item_name: str
    status: str
    project_type: str
    department_code: str
    department_name: str
    accepted_by: UUID | None
    correction: dict[str, Any] | None
    extension: dict[str, Any] | None


class QueuedTaskRow(NamedTuple):
    task_id: UUID
    step: str
    stage: str
    name: str
    post: str | None
    checks: list[dict[str, Any]]
    department_code: str
    region_code: str
    status: str
    opened_to: UUID | None
    holder_id: UUID | None
    opened_at: datetime
    claimed_at: datetime | None
    due_on: date
    due_at: datetime
    done_at: datetime | None
    outcome: str | None
    note: str | None


class ClaimRow(NamedTuple):
    """A claimed certificate that is not verified."""

    case_id: UUID
    state: str
    required: bool
    given_at: datetime
    promised_until: date | None


Queued = tuple[QueuedTaskRow, QueuedCaseRow]


async def list_tasks(
    session: AsyncSession, actor: Actor, scope: QueueScope, page: PageRequest
) -> tuple[Window, list[Queued]]:
    """Oldest due first; what is done, latest first."""
    keys: list[Key] = [(CaseTask.due_on, "asc"), (CaseTask.task_id, "asc")]
    if scope is QueueScope.DONE:
        keys = [(CaseTask.done_at, "desc"), (CaseTask.task_id, "desc")]
    statement = _tasks(actor).where(_in_scope(actor, scope))
    window = await paginate(session, statement, keys, page)
    return window, [_queued(values) for values in window.rows]


async def load_task(session: AsyncSession, actor: Actor, task_id: UUID) -> Queued:
    """Raises TaskNotFound when this officer may not see the task."""
    row = (await session.execute(_tasks(actor).where(CaseTask.task_id == task_id))).one_or_none()
    if row is None:
        raise TaskNotFound(task_id=task_id)
    return _queued(row)


async def blocked_cases(session: AsyncSession, cases: Iterable[QueuedCaseRow]) -> set[UUID]:
    """Cases whose claims keep them from being accepted."""
    by_id = {case.case_id: case for case in cases}
    if not by_id:
        return set()
    statement = select(*columns_of(ClaimRow, CaseMaterial)).where(
        CaseMaterial.case_id.in_(by_id),
        CaseMaterial.is_present,
        CaseMaterial.state.in_((MaterialState.PENDING, MaterialState.FAILED)),
    )
    claims = await load_rows(session, ClaimRow, statement)
    return {claim.case_id for claim in claims if policies.blocks(by_id[claim.case_id], claim)}


def known_to(actor: Actor) -> ColumnElement[bool]:
    """Tasks of the actor's place; a department that has a task of a case may see the case."""
    numbered = Case.case_no.is_not(None)
    if actor.kind != "staff":
        return false()
    if actor.has(policies.PLATFORM):
        return numbered
    if actor.department is None or not actor.region:
        return false()
    # Nearly all of a department's tasks lie where its officers work. PostgreSQL would take a
    # region it does not know for one in two hundred, and sort all tasks instead of reading those
    # due first; of an expression it takes half to be true.
    places = (within(model.region_code, actor.region) for model in (CaseTask, Case))
    return and_(
        numbered,
        CaseTask.department_code == actor.department,
        *(func.coalesce(place, false()) for place in places),
    )


def finishable_by(actor: Actor) -> ColumnElement[bool]:
    """`policies.may_finish` as SQL; a test compares both for every role, stage and case."""
    stages = [
        CaseTask.stage == stage
        for stage in (Stage.ACCEPTANCE, Stage.REVIEW)
        if policies.roles_may_finish(actor.roles, stage)
    ]
    deciding = CaseTask.stage == Stage.DECISION
    own = Case.accepted_by == actor.id
    if policies.decides_on_the_spot(actor.roles):
        stages.append(and_(deciding, own, Case.project_type == "immediate"))
    if policies.roles_may_finish(actor.roles, Stage.DECISION):
        stages.append(and_(deciding, or_(Case.accepted_by.is_(None), ~own)))
    return or_(false(), *stages)


def _tasks(actor: Actor) -> Select[Any]:
    columns = [*columns_of(QueuedTaskRow, CaseTask), *columns_of(QueuedCaseRow, Case)]
    return select(*columns).join(Case, Case.case_id == CaseTask.case_id).where(known_to(actor))


def _queued(values: Iterable[Any]) -> Queued:
    whole, task_width = tuple(values), len(QueuedTaskRow._fields)
    return QueuedTaskRow._make(whole[:task_width]), QueuedCaseRow._make(whole[task_width:])


def _in_scope(actor: Actor, scope: QueueScope) -> ColumnElement[bool]:
    # In words, as in the partial indexes that serve each scope.
    is_open, is_held, is_done = (
        is_one_of(CaseTask.status, (status,))
        for status in (TaskStatus.OPEN, TaskStatus.HELD, TaskStatus.DONE)
    )
    held = and_(is_held, CaseTask.holder_id == actor.id)
    opened = and_(is_open, CaseTask.opened_to == actor.id)
    scopes: dict[QueueScope, ColumnElement[bool]] = {
        QueueScope.POOL: and_(is_open, finishable_by(actor)),
        QueueScope.MINE: and_(CaseTask.is_present, or_(held, opened)),
        QueueScope.DONE: and_(is_done, CaseTask.done_by == actor.id),
        QueueScope.DEPARTMENT: and_(CaseTask.is_present),
    }
    return scopes[scope]
