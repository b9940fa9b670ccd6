"""Ratings of a case, rectifications an actor may see, and what a rater may still do."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import Select, all_, false, literal, select
from sqlalchemy.ext.asyncio import AsyncSession

from case_svc.cases.models import Case, CaseTask
from case_svc.cases.queries import within
from case_svc.ratings.errors import RectificationNotFound
from case_svc.ratings.models import Rating, Rectification, RectificationStep
from chassis.auth import Actor


class Dossier(NamedTuple):
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
    session: AsyncSession, actor: Actor, rectification_id: UUID, *, for_update: bool = False
) -> Rectification:
    """Locked to act on it: two colleagues may act on one order at once."""
    statement = visible_to(actor).where(Rectification.rectification_id == rectification_id)
    if for_update:
        statement = statement.with_for_update()
    order: Rectification | None = await session.scalar(statement)
    if order is None:
        raise RectificationNotFound(rectification_id=rectification_id)
    return order


async def dossiers(session: AsyncSession, orders: Collection[Rectification]) -> list[Dossier]:
    """The orders in their order, each with rating and steps; two statements for all."""
    statement = select(Rating).where(Rating.rating_id.in_([order.rating_id for order in orders]))
    ratings = {rating.rating_id: rating for rating in await session.scalars(statement)}
    steps = defaultdict(list)
    taken = (
        select(RectificationStep)
        .where(RectificationStep.rectification_id.in_([order.rectification_id for order in orders]))
        .order_by(RectificationStep.step_id)
    )
    for step in await session.scalars(taken):
        steps[step.rectification_id].append(step)
    return [
        Dossier(order, ratings[order.rating_id], steps[order.rectification_id]) for order in orders
    ]


async def ratings_of(session: AsyncSession, case_id: UUID) -> Sequence[Rating]:
    """In the order given."""
    statement = select(Rating).where(Rating.case_id == case_id).order_by(Rating.rating_id)
    return (await session.scalars(statement)).all()


async def states_of(session: AsyncSession, actor: Actor, case_id: UUID) -> dict[UUID, str]:
    """Rating → state of its rectification, which the officers rated never learn."""
    statement = select(Rectification.rating_id, Rectification.state).where(
        Rectification.case_id == case_id, literal(actor.id) != all_(Rectification.evaluated)
    )
    return {row.rating_id: row.state for row in await session.execute(statement)}


async def officers_of(session: AsyncSession, case: Case) -> list[UUID]:
    """Everyone who had a step of this case in hand, or has now."""
    statement = select(CaseTask.holder_id, CaseTask.done_by).where(CaseTask.case_id == case.case_id)
    officers = {officer for row in await session.execute(statement) for officer in row}
    officers |= {case.accepted_by, case.decided_by}
    return sorted(officer for officer in officers if officer is not None)
