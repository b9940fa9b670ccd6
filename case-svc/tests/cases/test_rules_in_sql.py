"""Rules that stand in Python and in SQL say the same, over the whole space."""

from itertools import chain, combinations, product

from sqlalchemy import select

from case_svc.cases import policies
from case_svc.cases.models import Case, CaseMaterial, CaseTask
from case_svc.cases.rules.lifecycle import PRESENT, TaskStatus
from case_svc.cases.rules.steps import Stage
from case_svc.views.queries.queue import finishable_by
from chassis import clock
from chassis.auth import Actor

from ..factories import DEPARTMENT, REGION

ROLES = ("clerk", "decider", "department_admin", "platform_admin", "auditor")
EVERY_SET_OF_ROLES = [*chain(*(combinations(ROLES, n) for n in range(len(ROLES) + 1)))]


async def test_who_may_finish_a_task(world, session):
    submitted = await world.submitted()
    case = await session.get(Case, submitted.id)
    task = await session.scalar(select(CaseTask).where(CaseTask.case_id == case.case_id))
    officer = clock.new_id()
    acceptors = (None, officer, clock.new_id())
    for stage, project, acceptor in product(Stage, ("promise", "immediate"), acceptors):
        task.stage, case.project_type, case.accepted_by = stage, project, acceptor
        await session.flush()
        for roles in EVERY_SET_OF_ROLES:
            actor = Actor(
                officer, "staff", "web", department=DEPARTMENT, region=REGION,
                roles=frozenset(roles),
            )  # fmt: skip
            statement = (
                select(CaseTask.task_id)
                .join(Case, Case.case_id == CaseTask.case_id)
                .where(CaseTask.task_id == task.task_id, finishable_by(actor))
            )
            in_sql = await session.scalar(statement) is not None
            situation = (stage, project, acceptor == officer, roles)
            assert in_sql is policies.may_finish(actor, stage, case), situation


async def test_which_tasks_and_materials_are_present(world, session):
    submitted = await world.submitted()
    task = await session.scalar(select(CaseTask).where(CaseTask.case_id == submitted.id))
    for status in TaskStatus:
        task.status = status
        await session.flush()
        statement = select(CaseTask).where(CaseTask.task_id == task.task_id, CaseTask.is_present)
        in_sql = await session.scalar(statement) is not None
        assert in_sql is task.is_present is (status in PRESENT)
    row = await session.scalar(select(CaseMaterial).where(CaseMaterial.case_id == submitted.id))
    for replaced_at in (None, clock.now()):
        row.replaced_at = replaced_at
        await session.flush()
        statement = select(CaseMaterial).where(
            CaseMaterial.case_material_id == row.case_material_id, CaseMaterial.is_present
        )
        assert (await session.scalar(statement) is not None) is row.is_present


async def test_partial_indexes_serve_what_is_present(session):
    """The words of a condition and of its index agree, so that PostgreSQL may use it."""
    for model, column in ((CaseTask, CaseTask.case_id), (CaseMaterial, CaseMaterial.case_id)):
        partial = [
            index.name
            for index in model.__table__.indexes
            if index.dialect_options["postgresql"]["where"] is not None
        ]
        statement = select(column).where(column == clock.new_id(), model.is_present)
        raw = await session.connection()
        await raw.exec_driver_sql("SET LOCAL enable_seqscan = off")
        compiled = statement.compile(raw.sync_connection, compile_kwargs={"literal_binds": True})
        plan = (await raw.exec_driver_sql(f"EXPLAIN {compiled}")).scalars().all()
        assert any(name in plan[0] for name in partial), plan
