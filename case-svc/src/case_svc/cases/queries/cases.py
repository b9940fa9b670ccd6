"""Cases, and who may see them."""

from collections.abc import Iterable
from datetime import date
from functools import lru_cache, partial
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    Select,
    Text,
    Uuid,
    and_,
    bindparam,
    exists,
    false,
    literal_column,
    or_,
    select,
    true,
    union_all,
)
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from case_svc.cases import policies, regions
from case_svc.cases.errors import CaseNotFound
from case_svc.cases.lifecycle import State
from case_svc.cases.models import Case, CaseInterval, CaseMaterial, CaseTask
from case_svc.cases.queries.together import read_page
from case_svc.files.ground import FileGround
from case_svc.parties import queries as parties
from case_svc.parties.models import Company, Mandate
from chassis.auth import Actor
from chassis.clock import today
from chassis.db import Plain, as_plain
from chassis.pagination import PageRequest, Window, after_of

# What a line of the applicant's list shows.
LINE = (
    Case.case_id,
    Case.case_no,
    Case.item_id,
    Case.item_name,
    Case.department_code,
    Case.department_name,
    Case.company_id,
    Case.status,
    Case.outcome,
    Case.step,
    Case.created_at,
    Case.submitted_at,
    Case.ended_at,
)
ALL_POWERS = frozenset({"apply", "correct", "withdraw", "collect", "view", "rate"})


def visible_to(actor: Actor) -> Select[Case]:
    """The one door: parties see their own, staff their department's and region's, no one else."""
    return _door(actor, today())


@lru_cache(maxsize=1024)
def _door(actor: Actor, _: date) -> Select[Case]:
    """Remembered, for putting it together takes longer than asking; mandates end with a day."""
    return select(Case).where(_visible(actor))


@lru_cache(maxsize=1024)
def door(actor: Actor, _: date) -> Plain:
    """The same door as plain SQL: all columns of each case behind it."""
    return as_plain(visible_to(actor))


async def get_case(
    session: AsyncSession, actor: Actor, case_id: UUID, *, for_update: bool = False
) -> Case:
    """The case if this actor may see it; locked, it is read after the lock is there."""
    statement = visible_to(actor).where(Case.case_id == case_id)
    if for_update:
        statement = statement.with_for_update(of=Case)
    case = await session.scalar(statement.execution_options(populate_existing=True))
    if case is None:
        raise CaseNotFound(case_id=case_id)
    return case


async def list_own(
    session: AsyncSession, actor: Actor, page: PageRequest, status: State | None
) -> Window:
    """Newest first; rows of the columns a line of the list shows."""
    after = after_of(page, [UUID])
    given = {"status": None if status is None else str(status), "after": after and after[0]}
    asked = tuple(name for name, value in given.items() if value is not None)
    bounded = partial(_own, actor, today(), asked)
    return await read_page(session, page, bounded, ["case_id"], **given)


@lru_cache(maxsize=4096)
def _own(actor: Actor, _: date, asked: tuple[str, ...], rows: int) -> Plain:
    """One's own and the companies' apart, so that each is found by its index."""
    narrowed = {
        "status": Case.status == bindparam("status", type_=Text),
        "after": Case.case_id < bindparam("after", type_=Uuid),
    }
    newest = [Case.case_id.desc()]
    most: ColumnElement[int] = literal_column(str(rows))
    parts = [
        select(*LINE)
        .where(own, *(narrowed[name] for name in asked))
        .order_by(*newest)
        .limit(most)
        .subquery()
        for own in _ways(actor)
    ]
    both = union_all(*(select(part) for part in parts)).subquery()
    return as_plain(select(both).order_by(both.c.case_id.desc()).limit(most))


async def lock_case(session: AsyncSession, case_id: UUID) -> Case:
    """Unscoped, for events and loops, which act for nobody."""
    statement = select(Case).where(Case.case_id == case_id).with_for_update()
    return (await session.scalars(statement.execution_options(populate_existing=True))).one()


async def lock_case_if(session: AsyncSession, case_id: UUID) -> Case | None:
    statement = select(Case).where(Case.case_id == case_id).with_for_update()
    options = {"populate_existing": True}
    return (await session.scalars(statement.execution_options(**options))).one_or_none()


async def powers_of(session: AsyncSession, actor: Actor, case: Case) -> frozenset[str]:
    """What this citizen may do for the applicant; everything for herself."""
    if actor.kind != "citizen":
        return frozenset()
    if case.company_id is None:
        return ALL_POWERS if case.person_id == actor.id else frozenset()
    company = await session.get(Company, case.company_id)
    if company is None or not company.active:
        return frozenset()
    if company.legal_person_id == actor.id:
        return ALL_POWERS
    statement = select(Mandate.powers).where(
        parties.in_force(actor.id),
        Mandate.company_id == case.company_id,
        parties.covers_item(case.item_code),
    )
    return frozenset(power for powers in await session.scalars(statement) for power in powers)


async def is_applicant(
    session: AsyncSession, actor: Actor, case: Case, power: str = "rate"
) -> bool:
    """Whether the actor may do this for the applicant."""
    if power == "rate" and case.case_no is None:
        return False
    return power in await powers_of(session, actor, case)


async def present_task(session: AsyncSession, case_id: UUID) -> CaseTask | None:
    """The one task that is not finished; read again, the case's lock may have been waited for."""
    statement = select(CaseTask).where(
        CaseTask.case_id == case_id, CaseTask.status.in_(("open", "held"))
    )
    return await session.scalar(statement.execution_options(populate_existing=True))


async def materials_of(session: AsyncSession, case_id: UUID) -> list[CaseMaterial]:
    """Present ones, in the order they were given."""
    statement = (
        select(CaseMaterial)
        .where(CaseMaterial.case_id == case_id, CaseMaterial.replaced_at.is_(None))
        .order_by(CaseMaterial.case_material_id)
    )
    return list(await session.scalars(statement))


async def intervals_of(session: AsyncSession, case_id: UUID) -> list[CaseInterval]:
    statement = (
        select(CaseInterval)
        .where(CaseInterval.case_id == case_id)
        .order_by(CaseInterval.started_at, CaseInterval.interval_id)
    )
    return list(await session.scalars(statement))


async def may_see_file(session: AsyncSession, actor: Actor, file_id: UUID) -> FileGround | None:
    """Whoever may see a case may see its files; looks of staff are recorded."""
    statement = (
        visible_to(actor)
        .join(CaseMaterial, CaseMaterial.case_id == Case.case_id)
        .where(CaseMaterial.file_id == file_id)
        .limit(1)
    )
    case = await session.scalar(statement)
    if case is None:
        return None
    return FileGround(case_id=case.case_id, recorded=actor.kind != "citizen")


async def blocked_cases(session: AsyncSession, cases: Iterable[Case]) -> set[UUID]:
    """Cases whose claims keep them from being accepted."""
    by_id = {case.case_id: case for case in cases}
    statement = select(CaseMaterial).where(
        CaseMaterial.case_id.in_(by_id),
        CaseMaterial.replaced_at.is_(None),
        CaseMaterial.state.in_(("pending", "failed")),
    )
    claims = await session.scalars(statement)
    return {one.case_id for one in claims if policies.blocks(by_id[one.case_id], one)}


def owes(materials: list[CaseMaterial]) -> bool:
    """Whether a promised material can still be brought."""
    return any(
        one.state == "promised" and one.promised_until and one.promised_until >= today()
        for one in materials
    )


def _ways(actor: Actor) -> list[ColumnElement[bool]]:
    """How a citizen comes to see a case; each case is seen in one way at most."""
    own = and_(Case.company_id.is_(None), Case.person_id == actor.id)
    return [own, _of_company(actor.id)]


def _visible(actor: Actor) -> ColumnElement[bool]:
    if actor.kind == "citizen":
        return or_(*_ways(actor))
    if actor.kind != "staff":
        return false()
    numbered = Case.case_no.is_not(None)
    if actor.has(policies.PLATFORM):
        return numbered
    if actor.department is None or not actor.region:
        return false()
    takes_part = exists().where(
        CaseTask.case_id == Case.case_id, CaseTask.department_code == actor.department
    )
    return and_(
        numbered,
        within(Case.region_code, actor.region),
        or_(Case.department_code == actor.department, takes_part),
    )


def within(column: InstrumentedAttribute[str], region: str) -> ColumnElement[bool]:
    """Rows of this division and those below it."""
    stem = regions.stem(region)
    return column.startswith(stem, autoescape=True) if stem else true()


def _of_company(person_id: UUID) -> ColumnElement[bool]:
    """Numbered cases for who may view, one's own for who may do anything for the company."""
    own = Case.person_id == person_id
    active = select(Company.company_id).where(Company.active)
    # Says nothing new, but lets a list begin with the few companies the person acts for.
    acted_for: CompoundSelect[UUID] = union_all(
        select(Company.company_id).where(Company.legal_person_id == person_id),
        select(Mandate.company_id).where(Mandate.grantee_person_id == person_id),
    )
    mandated = (
        select(Mandate.mandate_id)
        .where(
            parties.in_force(person_id),
            Mandate.company_id == Case.company_id,
            parties.covers_item(Case.item_code),
            or_(Mandate.powers.contains(["view"]), own),
        )
        .exists()
    )
    return and_(
        Case.company_id.in_(acted_for),
        or_(Case.case_no.is_not(None), own),
        or_(Case.company_id.in_(active.where(Company.legal_person_id == person_id)), mandated),
        Case.company_id.in_(active),
    )
