"""Cases and their parts; `visible_to` is the one door to scoped rows."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    and_,
    exists,
    false,
    or_,
    select,
    true,
    union_all,
)
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from case_svc.cases import policies
from case_svc.cases.errors import CaseNotFound
from case_svc.cases.models import Case, CaseClock, CaseInterval, CaseMaterial, CaseTask
from case_svc.cases.rules import regions
from case_svc.cases.rules.lifecycle import State
from case_svc.clocks.rules.legal_time import ClockKind
from case_svc.parties import queries as parties
from case_svc.parties.models import Company, Mandate
from case_svc.parties.rules.powers import ALL_POWERS, Power
from chassis.auth import Actor
from chassis.clock import now


def visible_to(actor: Actor) -> ColumnElement[bool]:
    """Parties see their own cases, staff their department's and region's, no one else any."""
    if actor.kind == "citizen":
        return or_(*ways_to_own(actor.id))
    if actor.kind != "staff":
        return false()
    numbered = Case.case_no.is_not(None)
    if actor.has(policies.PLATFORM):
        return numbered
    if actor.department is None or not actor.region:
        return false()
    takes_part = (
        exists()
        .where(CaseTask.case_id == Case.case_id, CaseTask.department_code == actor.department)
        .correlate(Case)  # a view may join the tasks itself
    )
    return and_(
        numbered,
        within(Case.region_code, actor.region),
        or_(Case.department_code == actor.department, takes_part),
    )


def ways_to_own(person_id: UUID) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    """How a citizen comes to see a case: as herself, or for a company; never both.

    For a company: numbered cases with the power to view, one's own with any power.
    """
    as_person = and_(Case.company_id.is_(None), Case.person_id == person_id)
    applied = Case.person_id == person_id
    active = select(Company.company_id).where(Company.active).correlate(None)
    # Implied by what follows, but lets a list begin with the few companies the person acts for.
    acted_for: CompoundSelect[UUID] = union_all(
        select(Company.company_id).where(Company.legal_person_id == person_id).correlate(None),
        select(Mandate.company_id).where(Mandate.grantee_person_id == person_id),
    )
    mandated = (
        select(Mandate.mandate_id)
        .where(
            parties.in_force(person_id),
            Mandate.company_id == Case.company_id,
            parties.covers_item(Case.item_code),
            or_(Mandate.powers.contains([Power.VIEW]), applied),
        )
        .correlate(Case)
        .exists()
    )
    for_company = and_(
        Case.company_id.in_(acted_for),
        or_(Case.case_no.is_not(None), applied),
        or_(Case.company_id.in_(active.where(Company.legal_person_id == person_id)), mandated),
        Case.company_id.in_(active),
    )
    return as_person, for_company


def within(column: InstrumentedAttribute[str], region: str) -> ColumnElement[bool]:
    """Rows of this division and those below it."""
    stem = regions.stem(region)
    return column.startswith(stem, autoescape=True) if stem else true()


async def get_case(
    session: AsyncSession, actor: Actor, case_id: UUID, *, for_update: bool = False
) -> Case:
    """The case if this actor may see it; locked, it is read after the lock is there."""
    statement = select(Case).where(Case.case_id == case_id, visible_to(actor))
    if for_update:
        statement = statement.with_for_update(of=Case)
    case = await session.scalar(statement.execution_options(populate_existing=True))
    if case is None:
        raise CaseNotFound(case_id=case_id)
    return case


async def lock_case(session: AsyncSession, case_id: UUID) -> Case | None:
    """Unscoped, for events and loops, which act for nobody."""
    return await session.get(Case, case_id, with_for_update=True, populate_existing=True)


async def lock_overdue_cases(
    session: AsyncSession, kind: ClockKind, state: State, *, limit: int
) -> Sequence[Case]:
    """Cases in this state whose clock has run out.

    A case on which an officer is acting right now waits for the next turn.
    """
    overdue = select(CaseClock.case_id).where(
        CaseClock.kind == kind, CaseClock.stopped_at.is_(None), CaseClock.due_at <= now()
    )
    statement = (
        select(Case)
        .where(Case.case_id.in_(overdue), Case.status == state)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    return (await session.scalars(statement)).all()


async def powers_of(
    session: AsyncSession, actor: Actor, person_id: UUID, company_id: UUID | None, item_code: str
) -> frozenset[str]:
    """What this actor may do for the applicant of a case; everything for herself."""
    if actor.kind != "citizen":
        return frozenset()
    if company_id is None:
        return ALL_POWERS if person_id == actor.id else frozenset()
    agency = await parties.agency_of(session, actor.id, company_id, item_code)
    return agency.powers if agency else frozenset()


async def present_task(session: AsyncSession, case_id: UUID) -> CaseTask | None:
    """The task that is not finished; read again, the case's lock may have been waited for."""
    statement = select(CaseTask).where(CaseTask.case_id == case_id, CaseTask.is_present)
    return await session.scalar(statement.execution_options(populate_existing=True))


async def materials_of(session: AsyncSession, case_id: UUID) -> Sequence[CaseMaterial]:
    """Present ones, in the order they were given."""
    statement = (
        select(CaseMaterial)
        .where(CaseMaterial.case_id == case_id, CaseMaterial.is_present)
        .order_by(CaseMaterial.case_material_id)
    )
    return (await session.scalars(statement)).all()


async def intervals_of(session: AsyncSession, case_id: UUID) -> Sequence[CaseInterval]:
    statement = (
        select(CaseInterval)
        .where(CaseInterval.case_id == case_id)
        .order_by(CaseInterval.started_at, CaseInterval.interval_id)
    )
    return (await session.scalars(statement)).all()


async def running_clocks(session: AsyncSession, case_id: UUID) -> Sequence[CaseClock]:
    statement = (
        select(CaseClock)
        .where(CaseClock.case_id == case_id, CaseClock.stopped_at.is_(None))
        .order_by(CaseClock.started_at, CaseClock.clock_id)
    )
    return (await session.scalars(statement)).all()


async def cases_touching(session: AsyncSession, year: int) -> Sequence[UUID]:
    """Cases with a running clock whose period touches the year, in the order of their ids."""
    statement = (
        select(CaseClock.case_id)
        .where(CaseClock.stopped_at.is_(None), CaseClock.calendar.contains(f"{year}:"))
        .distinct()
        .order_by(CaseClock.case_id)
    )
    return (await session.scalars(statement)).all()
