"""Every access of an officer to someone's data is recorded in the same transaction."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol
from uuid import UUID

from sqlalchemy import ColumnElement, select
from sqlalchemy.ext.asyncio import AsyncSession

from case_svc.cases.errors import CaseNotFound
from case_svc.cases.events import FootprintRecorded
from case_svc.cases.models import Case, CaseMaterial
from case_svc.cases.queries import visible_to
from case_svc.files.usecases import FileAccess
from case_svc.parties.models import Department
from case_svc.views.queries.rows import columns_of
from chassis.auth import Actor
from chassis.clock import new_id, now
from chassis.outbox import record


class Accessed(Protocol):
    """Whose data an officer reads, and in which case."""

    @property
    def case_id(self) -> UUID: ...
    @property
    def case_no(self) -> str | None: ...
    @property
    def person_id(self) -> UUID: ...


class AccessedCaseRow(NamedTuple):
    case_id: UUID
    case_no: str | None
    person_id: UUID
    item_name: str


async def record_access(
    session: AsyncSession,
    actor: Actor,
    case: Accessed,
    department_name: str | None,
    fields: Sequence[str],
    legal_basis: str,
) -> None:
    assert case.case_no is not None
    await record(
        session,
        FootprintRecorded(
            footprint_id=new_id(),
            person_id=case.person_id,
            at=now(),
            department_code=actor.department,
            department_name=department_name,
            # An officer without a named post is named by role: the holder must see who looked.
            post=actor.post or " ".join(sorted(actor.roles)) or actor.kind,
            actor_id=actor.id,
            fields=list(fields),
            case_id=case.case_id,
            case_no=case.case_no,
            ground=legal_basis,
            version=1,
        ),
    )


async def record_timeline_access(session: AsyncSession, actor: Actor, case_id: UUID) -> None:
    """The applicant's and the officers' own words stand in the history of a case."""
    case, department = await _load(session, actor, Case.case_id == case_id, visible_to(actor))
    if actor.kind != "citizen":
        await record_access(session, actor, case, department, ["timeline"], case.item_name)


async def find_file_access(session: AsyncSession, actor: Actor, file_id: UUID) -> FileAccess | None:
    """Whoever may see a case may see its files; the access of staff is recorded."""
    statement = (
        select(Case.case_id)
        .join(CaseMaterial, CaseMaterial.case_id == Case.case_id)
        .where(CaseMaterial.file_id == file_id, visible_to(actor))
        .limit(1)
    )
    case_id = await session.scalar(statement)
    return FileAccess(case_id, recorded=actor.kind != "citizen") if case_id else None


async def record_file_access(
    session: AsyncSession, actor: Actor, access: FileAccess, file_id: UUID
) -> None:
    """A file is named by its material, not by its own name."""
    case, department = await _load(session, actor, Case.case_id == access.case_id)
    statement = (
        select(CaseMaterial.name)
        .where(CaseMaterial.case_id == case.case_id, CaseMaterial.file_id == file_id)
        .distinct()
        .order_by(CaseMaterial.name)
    )
    fields = [f"material:{name}" for name in await session.scalars(statement)]
    await record_access(session, actor, case, department, fields, case.item_name)


async def _load(
    session: AsyncSession, actor: Actor, *conditions: ColumnElement[bool]
) -> tuple[AccessedCaseRow, str | None]:
    """The case, and the name of the department that reads it."""
    department = select(Department.name).where(Department.department_code == actor.department)
    columns = columns_of(AccessedCaseRow, Case)
    statement = select(*columns, department.scalar_subquery()).where(*conditions)
    row = (await session.execute(statement)).one_or_none()
    if row is None:
        raise CaseNotFound
    *values, name = row
    return AccessedCaseRow._make(values), name
