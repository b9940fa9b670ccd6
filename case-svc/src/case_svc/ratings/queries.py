"""Ratings of a case, rectifications an actor may see, and what a rater may still do."""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import Select, all_, false, literal, select
from sqlalchemy.ext.asyncio import AsyncSession

from case_svc.cases.lifecycle import State as CaseState
from case_svc.cases.models import Case, CaseTask
from case_svc.cases.queries.cases import is_applicant, within
from case_svc.ratings.errors import RectificationNotFound
from case_svc.ratings.models import Rating, Rectification, RectificationStep
from case_svc.ratings.scale import RatedService
from chassis.auth import Actor
from chassis.db import context


@dataclass(frozen=True)
class Dossier:
    """A rectification with the rating behind it and every step taken."""

    rectification: Rectification
    rating: Rating
    steps: list[RectificationStep]


def visible_to(actor: Actor) -> Select[Rectification]:
    """Orders of the actor's department and region, never those about the actor's own work."""
    statement = select(Rectification).where(literal(actor.id) != all_(Rectification.evaluated))
    if actor.has("platform_admin"):
        return statement
    return statement.where(
        Rectification.department_code == actor.department,
        within(Rectification.region_code, actor.region) if actor.region else false(),
    )


async def get_rectification(
    session: AsyncSession, actor: Actor, rectification_id: UUID
) -> Rectification:
    """Locked: two colleagues may act on one order at once."""
    statement = visible_to(actor).where(Rectification.rectification_id == rectification_id)
    found: Rectification | None = await session.scalar(statement.with_for_update())
    if found is None:
        raise RectificationNotFound(rectification_id=rectification_id)
    return found


async def dossiers(session: AsyncSession, orders: Collection[Rectification]) -> list[Dossier]:
    """The orders in their order, each with rating and steps; two statements for all."""
    ratings = select(Rating).where(Rating.rating_id.in_([one.rating_id for one in orders]))
    found = {one.rating_id: one for one in await session.scalars(ratings)}
    steps = defaultdict(list)
    taken = (
        select(RectificationStep)
        .where(RectificationStep.rectification_id.in_([one.rectification_id for one in orders]))
        .order_by(RectificationStep.step_id)
    )
    for step in await session.scalars(taken):
        steps[step.rectification_id].append(step)
    return [Dossier(one, found[one.rating_id], steps[one.rectification_id]) for one in orders]


async def ratings_of(session: AsyncSession, case_id: UUID) -> list[Rating]:
    """In the order given."""
    statement = select(Rating).where(Rating.case_id == case_id).order_by(Rating.rating_id)
    return list(await session.scalars(statement))


async def states_of(session: AsyncSession, actor: Actor, case_id: UUID) -> dict[UUID, str]:
    """Rating → state of its rectification, which who was rated never learns."""
    statement = select(Rectification.rating_id, Rectification.state).where(
        Rectification.case_id == case_id, literal(actor.id) != all_(Rectification.evaluated)
    )
    return {one.rating_id: one.state for one in await session.execute(statement)}


async def get_rating(session: AsyncSession, rating_id: UUID) -> Rating:
    return await session.get_one(Rating, rating_id)


async def rated_services(session: AsyncSession, case_id: UUID) -> list[str]:
    """In the order given; a case repeats them in `rated`."""
    return [one.service for one in await ratings_of(session, case_id)]


def services_left(rated: Collection[str]) -> list[RatedService]:
    """What has not been rated yet, in the order of a case."""
    return [service for service in RatedService if service.value not in rated]


async def officers_of(session: AsyncSession, case: Case) -> list[UUID]:
    """Everyone who had a step of this case in hand, or has now."""
    statement = select(CaseTask.holder_id, CaseTask.done_by).where(CaseTask.case_id == case.case_id)
    named = {officer for row in await session.execute(statement) for officer in row}
    named |= {case.accepted_by, case.decided_by}
    return sorted(officer for officer in named if officer is not None)


async def rating_actions(session: AsyncSession, actor: Actor, case: Case) -> tuple[str, ...]:
    """`("ratings",)` while this actor may rate something of this case; for the case's `actions`."""
    if actor.kind != "citizen" or case.state is CaseState.DRAFT or not services_left(case.rated):
        return ()
    return ("ratings",) if await is_applicant(session, actor, case, power="rate") else ()


def opened(session: AsyncSession, sealed: bytes | None) -> str | None:
    """Encrypted words in the clear."""
    return None if sealed is None else context(session).vault.decrypt(sealed)
