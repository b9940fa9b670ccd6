"""A case with all that is shown of it, and its clocks alone."""

from collections.abc import Iterable
from datetime import date, datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

from sqlalchemy import Select, and_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Bundle, aliased

from case_svc.cases.errors import CaseNotFound
from case_svc.cases.models import (
    Case,
    CaseCertificate,
    CaseClock,
    CaseInterval,
    CaseMaterial,
    CaseOpinion,
    CaseTask,
)
from case_svc.cases.queries import visible_to
from case_svc.cases.rules.lifecycle import State
from case_svc.clocks.rules.legal_time import ClockKind
from case_svc.parties.models import Company, Department, Person, StaffMember
from case_svc.views.queries.rows import bundle_of, columns_of, load_rows
from chassis.auth import Actor

# Which clock says until when, by state; the first that runs.
_DECIDING: Final = (ClockKind.PROMISE, ClockKind.LEGAL)
_SHOWN: Final[dict[str, tuple[ClockKind, ...]]] = {
    State.SUBMITTED: (ClockKind.NOTIFY,),
    State.CORRECTION_REQUIRED: (ClockKind.CORRECTION,),
    State.ACCEPTED: _DECIDING,
    State.IN_REVIEW: _DECIDING,
    State.SUSPENDED: _DECIDING,
    State.CERTIFYING: (ClockKind.DELIVERY,),
    State.DELIVERING: (ClockKind.DELIVERY,),
}


class ClockRow(NamedTuple):
    kind: str
    unit: str
    value: int
    extension: int
    started_at: datetime
    due_on: date
    due_at: datetime
    provisional: bool
    calendar: str
    stopped_at: datetime | None


class IntervalRow(NamedTuple):
    interval_id: UUID
    kind: str
    reason: str
    expected_days: int
    started_at: datetime
    ended_at: datetime | None
    result: str | None


class TimedCaseRow(NamedTuple):
    case_id: UUID
    item_id: UUID
    status: str
    version: int


class TimedCase(NamedTuple):
    case: TimedCaseRow
    clocks: list[ClockRow]
    intervals: list[IntervalRow]


async def load_timed_case(session: AsyncSession, actor: Actor, case_id: UUID) -> TimedCase:
    """Raises CaseNotFound when this actor may not see the case."""
    statement = select(*columns_of(TimedCaseRow, Case)).where(
        Case.case_id == case_id, visible_to(actor)
    )
    values = (await session.execute(statement)).one_or_none()
    if values is None:
        raise CaseNotFound(case_id=case_id)
    clocks = await load_clocks(session, case_id)
    return TimedCase(TimedCaseRow._make(values), clocks, await load_intervals(session, case_id))


async def load_clocks(session: AsyncSession, case_id: UUID) -> list[ClockRow]:
    statement = select(*columns_of(ClockRow, CaseClock)).where(CaseClock.case_id == case_id)
    ordered = statement.order_by(CaseClock.started_at, CaseClock.clock_id)
    return await load_rows(session, ClockRow, ordered)


async def load_intervals(session: AsyncSession, case_id: UUID) -> list[IntervalRow]:
    columns = columns_of(IntervalRow, CaseInterval)
    statement = select(*columns).where(CaseInterval.case_id == case_id)
    ordered = statement.order_by(CaseInterval.started_at, CaseInterval.interval_id)
    return await load_rows(session, IntervalRow, ordered)


def until(status: str, clocks: Iterable[ClockRow]) -> date | None:
    """The day by which the next thing is to happen."""
    running = {clock.kind: clock.due_on for clock in clocks if clock.stopped_at is None}
    return next((running[kind] for kind in _SHOWN.get(status, ()) if kind in running), None)


class CaseRow(NamedTuple):
    case_id: UUID
    case_no: str | None
    query_code: bytes | None
    item_id: UUID
    item_version: int
    item_code: str
    item_name: str
    project_type: str
    department_code: str
    department_name: str
    region_code: str
    region_name: str
    person_id: UUID
    company_id: UUID | None
    applicant_type: str
    status: str
    step: str | None
    draft: bytes | None
    form: bytes | None
    answers: bytes | None
    correction: dict[str, Any] | None
    non_acceptance: dict[str, Any] | None
    extension: dict[str, Any] | None
    decision: dict[str, Any] | None
    outcome: str | None
    created_at: datetime
    submitted_at: datetime | None
    received_at: datetime | None
    accepted_at: datetime | None
    accepted_by: UUID | None
    decided_at: datetime | None
    ended_at: datetime | None
    rated: list[str]
    version: int


class TaskRow(NamedTuple):
    task_id: UUID
    step: str
    stage: str
    name: str
    post: str | None
    status: str
    department_code: str
    region_code: str
    holder_id: UUID | None
    opened_to: UUID | None


class PersonRow(NamedTuple):
    """Encrypted; null until the person's event has arrived."""

    name: bytes | None
    id_number: bytes | None
    mobile: bytes | None


class CompanyRow(NamedTuple):
    company_id: UUID
    name: str
    uscc: str


class MaterialRow(NamedTuple):
    material_id: str
    name: str
    state: str
    required: bool
    file_id: UUID | None
    certificate_code: str | None
    reason: str | None
    given_at: datetime
    promised_until: date | None


class OpinionRow(NamedTuple):
    step: str
    outcome: str
    opinion: str
    checks: list[dict[str, Any]]
    department_code: str | None
    post: str | None
    at: datetime
    officer_name: bytes | None


class CertificateRow(NamedTuple):
    code: str
    type: str | None
    name: str
    issued_on: date
    valid_to: date | None


class NamesRow(NamedTuple):
    """The officers' names, encrypted, and the department of who reads the case."""

    holder: bytes | None
    decider: bytes | None
    reader_department: str | None


class Detail(NamedTuple):
    """`task` is the present one, `materials` those that were not replaced."""

    case: CaseRow
    person: PersonRow
    company: CompanyRow | None
    task: TaskRow | None
    names: NamesRow
    materials: list[MaterialRow]
    clocks: list[ClockRow]
    intervals: list[IntervalRow]
    opinions: list[OpinionRow]
    certificates: list[CertificateRow]


async def load_detail(session: AsyncSession, actor: Actor, case_id: UUID) -> Detail:
    """Raises CaseNotFound when this actor may not see the case."""
    statement = _with_names(actor).where(Case.case_id == case_id, visible_to(actor))
    row = (await session.execute(statement)).one_or_none()
    if row is None:
        raise CaseNotFound(case_id=case_id)
    materials = select(*columns_of(MaterialRow, CaseMaterial)).where(
        CaseMaterial.case_id == case_id, CaseMaterial.is_present
    )
    *opinion, _ = OpinionRow._fields
    opinions = (
        select(*(getattr(CaseOpinion, name) for name in opinion), StaffMember.name)
        .outerjoin(StaffMember, StaffMember.staff_id == CaseOpinion.officer_id)
        .where(CaseOpinion.case_id == case_id)
    )
    certificates = select(*columns_of(CertificateRow, CaseCertificate)).where(
        CaseCertificate.case_id == case_id
    )
    case = CaseRow._make(row.case)
    return Detail(
        case=case,
        person=PersonRow._make(row.person),
        company=None if row.company.company_id is None else CompanyRow._make(row.company),
        task=None if row.task.task_id is None else TaskRow._make(row.task),
        names=NamesRow._make(row.names),
        materials=await load_rows(
            session, MaterialRow, materials.order_by(CaseMaterial.case_material_id)
        ),
        clocks=await load_clocks(session, case_id),
        intervals=await load_intervals(session, case_id),
        opinions=await load_rows(
            session, OpinionRow, opinions.order_by(CaseOpinion.at, CaseOpinion.opinion_id)
        ),
        # The first certificate ends its case.
        certificates=await load_rows(
            session,
            CertificateRow,
            certificates.order_by(CaseCertificate.issued_on, CaseCertificate.code),
        )
        if case.ended_at
        else [],
    )


def _with_names(actor: Actor) -> Select[Any]:
    """Cases with their parties, the present task, and the names of the officers."""
    holder, decider = aliased(StaffMember), aliased(StaffMember)
    department = select(Department.name).where(Department.department_code == actor.department)
    return (
        select(
            bundle_of(CaseRow, Case, "case"),
            bundle_of(PersonRow, Person, "person"),
            bundle_of(CompanyRow, Company, "company"),
            bundle_of(TaskRow, CaseTask, "task"),
            Bundle("names", holder.name, decider.name, department.scalar_subquery()),
        )
        .outerjoin(Person, Person.person_id == Case.person_id)
        .outerjoin(Company, Company.company_id == Case.company_id)
        .outerjoin(CaseTask, and_(CaseTask.case_id == Case.case_id, CaseTask.is_present))
        .outerjoin(holder, holder.staff_id == CaseTask.holder_id)
        .outerjoin(decider, decider.staff_id == Case.decided_by)
    )
