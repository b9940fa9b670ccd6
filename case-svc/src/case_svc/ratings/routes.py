"""Ratings of a case, and the rectifications that bad ones open."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response
from sqlalchemy.ext.asyncio import AsyncSession

from case_svc.cases.errors import CaseNotFound
from case_svc.cases.queries.cases import get_case
from case_svc.ratings import queries, usecases
from case_svc.ratings.errors import (
    AlreadyRated,
    IllegalStep,
    NothingToRate,
    NotTheApplicant,
    RectificationNotFound,
)
from case_svc.ratings.models import Rating, Rectification
from case_svc.ratings.queries import Dossier
from case_svc.ratings.rectification import State
from case_svc.ratings.scale import SCALE, RatedService
from case_svc.ratings.schemas import (
    CallBackIn,
    ClosingIn,
    ContactIn,
    MeasuresIn,
    RatingIn,
    RatingList,
    RatingOut,
    RectificationOut,
    StepOut,
    VerificationIn,
)
from case_svc.ratings.screening import screened
from chassis.auth import Citizen, SignedIn, Staff
from chassis.db import ReadSession, Session
from chassis.errors import Stale
from chassis.pagination import Key, Page, PageQuery, page_of, paginate
from chassis.preconditions import OptionalMatch, set_tag
from chassis.problems import problems

router = APIRouter(prefix="/api/v1", tags=["ratings"])

_ORDERS = "/supervision/rectifications"
_STEP = problems(RectificationNotFound, IllegalStep, Stale)


@router.post(
    "/cases/{case_id}/ratings",
    status_code=201,
    responses=problems(CaseNotFound, NotTheApplicant, NothingToRate, AlreadyRated, Stale),
)
async def rate_case(
    case_id: UUID, body: RatingIn, actor: Citizen, match: OptionalMatch, session: Session
) -> RatingOut:
    """Rate one service of a case, once: 1 非常满意 … 5 非常不满意. 4 and 5 open a rectification."""
    rating = await usecases.rate_case(
        session,
        actor,
        case_id,
        service=body.service,
        satisfaction=body.satisfaction,
        tags=body.tags,
        comment=body.comment,
        match=match,
    )
    states = await queries.states_of(session, actor, case_id)
    comment = queries.opened(session, rating.comment)
    return _rating_out(rating, comment, states.get(rating.rating_id))


@router.get("/cases/{case_id}/ratings", responses=problems(CaseNotFound))
async def list_ratings(case_id: UUID, actor: SignedIn, session: ReadSession) -> RatingList:
    """The ratings of a case: whole for the party; for staff without who rated, words screened."""
    case = await get_case(session, actor, case_id)
    states = await queries.states_of(session, actor, case.case_id)
    found = []
    for rating in await queries.ratings_of(session, case.case_id):
        words = queries.opened(session, rating.comment)
        shown = _rating_out(rating, words, states.get(rating.rating_id))
        if actor.kind == "staff":
            shown.comment = screened(words) if words else None
            shown.tags = [screened(one) for one in rating.tags]
        found.append(shown)
    return RatingList(data=found, next=None)


@router.get(_ORDERS)
async def list_rectifications(
    actor: Staff,
    session: ReadSession,
    page: PageQuery,
    state: Annotated[State | None, Query(description="Only orders in this state")] = None,
) -> Page[RectificationOut]:
    """Rectifications of the department, the most urgent first; never those about one's own work."""
    statement = queries.visible_to(actor)
    if state is not None:
        statement = statement.where(Rectification.state == state.value)
    keys: list[Key] = [
        (Rectification.rectify_due_on, "asc"),
        (Rectification.rectification_id, "asc"),
    ]
    window = await paginate(session, statement, keys, page)
    found = await queries.dossiers(session, window.rows)
    return page_of(window, [_order_out(session, one) for one in found])


@router.post(_ORDERS + "/{rectification_id}/contact", responses=_STEP)
async def contact_rater(
    rectification_id: UUID,
    body: ContactIn,
    actor: Staff,
    match: OptionalMatch,
    session: Session,
    response: Response,
) -> RectificationOut:
    """The rater was contacted (within one working day by default)."""
    order = await usecases.contact_rater(session, actor, rectification_id, match, note=body.note)
    return await _answer(session, order, response)


@router.post(_ORDERS + "/{rectification_id}/verification", responses=_STEP)
async def verify_rating(
    rectification_id: UUID,
    body: VerificationIn,
    actor: Staff,
    match: OptionalMatch,
    session: Session,
    response: Response,
) -> RectificationOut:
    """`valid` goes on to measures; `invalid` and `mistaken` exclude the rating, with the reason."""
    order = await usecases.verify_rating(
        session, actor, rectification_id, match, result=body.result, note=body.note
    )
    return await _answer(session, order, response)


@router.post(_ORDERS + "/{rectification_id}/measures", responses=_STEP)
async def record_measures(
    rectification_id: UUID,
    body: MeasuresIn,
    actor: Staff,
    match: OptionalMatch,
    session: Session,
    response: Response,
) -> RectificationOut:
    """What was done about it."""
    order = await usecases.record_measures(
        session, actor, rectification_id, match, measures=body.measures
    )
    return await _answer(session, order, response)


@router.post(_ORDERS + "/{rectification_id}/call-back", responses=_STEP)
async def call_back(
    rectification_id: UUID,
    body: CallBackIn,
    actor: Staff,
    match: OptionalMatch,
    session: Session,
    response: Response,
) -> RectificationOut:
    """Ask again; who is not satisfied sends the order back to its measures."""
    order = await usecases.call_back(
        session, actor, rectification_id, match, satisfied=body.satisfied, note=body.note
    )
    return await _answer(session, order, response)


@router.post(_ORDERS + "/{rectification_id}/closing", responses=_STEP)
async def close_rectification(
    rectification_id: UUID,
    body: ClosingIn,
    actor: Staff,
    match: OptionalMatch,
    session: Session,
    response: Response,
) -> RectificationOut:
    """Close the order."""
    order = await usecases.close_rectification(
        session, actor, rectification_id, match, note=body.note
    )
    return await _answer(session, order, response)


async def _answer(
    session: AsyncSession, order: Rectification, response: Response
) -> RectificationOut:
    await session.flush()
    set_tag(response, order.version)
    (dossier,) = await queries.dossiers(session, [order])
    return _order_out(session, dossier)


def _rating_out(rating: Rating, comment: str | None, state: str | None) -> RatingOut:
    return RatingOut(
        rating_id=rating.rating_id,
        case_id=rating.case_id,
        service=RatedService(rating.service),
        satisfaction=rating.satisfaction,
        satisfaction_text=SCALE[rating.satisfaction],
        tags=rating.tags,
        comment=comment,
        rated_at=rating.rated_at,
        rectification=state,
    )


def _order_out(session: AsyncSession, dossier: Dossier) -> RectificationOut:
    order, rating = dossier.rectification, dossier.rating
    words = queries.opened(session, rating.comment)
    base = f"/api/v1{_ORDERS}/{order.rectification_id}"
    return RectificationOut(
        rectification_id=order.rectification_id,
        rating_id=rating.rating_id,
        case_no=order.case_no,
        department_code=order.department_code,
        region_code=order.region_code,
        service=RatedService(rating.service),
        satisfaction=rating.satisfaction,
        satisfaction_text=SCALE[rating.satisfaction],
        tags=[screened(one) for one in rating.tags],
        comment=screened(words) if words else None,
        state=order.state,
        actions=list(order.actions),
        basis=order.basis,
        opened_at=order.opened_at,
        contact_due_on=order.contact_due_on,
        rectify_due_on=order.rectify_due_on,
        call_back_due_on=order.call_back_due_on,
        verification=order.verification,
        satisfied=order.satisfied,
        closed_at=order.closed_at,
        steps=[
            StepOut(action=one.action, at=one.at, note=queries.opened(session, one.note))
            for one in dossier.steps
        ],
        version=order.version,
        links={name: f"{base}/{name}" for name in order.actions},
    )
