"""Tasks of the actor's department and region, as the queue shows them."""

from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, and_, false, or_, select, true
from sqlalchemy.ext.asyncio import AsyncSession

from case_svc.cases import policies
from case_svc.cases.errors import TaskNotFound
from case_svc.cases.models import Case, CaseTask
from case_svc.cases.queries.cases import visible_to, within
from case_svc.cases.steps import Stage
from chassis.auth import Actor
from chassis.pagination import Key, PageRequest, Window, paginate


def tasks_of(actor: Actor) -> Any:
    """Every task this officer may know of, with its case (a select of two)."""
    seen = visible_to(actor).with_only_columns(Case.case_id)
    statement = select(CaseTask, Case).join(Case, Case.case_id == CaseTask.case_id)
    return statement.where(CaseTask.case_id.in_(seen), _place(actor))


async def list_tasks(session: AsyncSession, actor: Actor, scope: str, page: PageRequest) -> Window:
    """Oldest due first; what is done, latest first."""
    statement = tasks_of(actor)
    if scope == "done":
        done = statement.where(CaseTask.done_by == actor.id, CaseTask.status == "done")
        return await paginate(
            session, done, [(CaseTask.done_at, "desc"), (CaseTask.task_id, "asc")], page
        )
    scopes = {
        "pool": and_(CaseTask.status == "open", _finishable(actor)),
        "mine": or_(
            and_(CaseTask.status == "held", CaseTask.holder_id == actor.id),
            and_(CaseTask.status == "open", CaseTask.opened_to == actor.id),
        ),
        "department": CaseTask.status.in_(("open", "held")),
    }
    keys: list[Key] = [(CaseTask.due_on, "asc"), (CaseTask.task_id, "asc")]
    return await paginate(session, statement.where(scopes[scope]), keys, page)


async def find_task(session: AsyncSession, actor: Actor, task_id: UUID) -> tuple[CaseTask, Case]:
    """The task and its case if this officer may know of them."""
    found = (await session.execute(tasks_of(actor).where(CaseTask.task_id == task_id))).first()
    if found is None:
        raise TaskNotFound(task_id=task_id)
    return found[0], found[1]


def _place(actor: Actor) -> ColumnElement[bool]:
    if actor.has(policies.PLATFORM):
        return true()
    if actor.department is None or not actor.region:
        return false()
    return and_(
        CaseTask.department_code == actor.department, within(CaseTask.region_code, actor.region)
    )


def _finishable(actor: Actor) -> ColumnElement[bool]:
    """The same rule as `policies.may_finish`, as SQL."""
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
