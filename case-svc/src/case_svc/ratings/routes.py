"""Ratings of a case, and the rectifications that bad ones open."""

from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response
from sqlalchemy.ext.asyncio import AsyncSession

from case_svc.cases.errors import CaseNotFound
from case_svc.cases.queries import get_case
from case_svc.parties.queries import in_clear
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
from case_svc.ratings.rules.rectification import State
from case_svc.ratings.rules.scale import SCALE, RatedService
from case_svc.ratings.rules.screening import screened
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
from chassis.auth import Actor, Citizen, SignedIn, Staff
from chassis.database.sessions import ReadSession, WriteSession
from chassis.errors import Stale
from chassis.http.route import TransactionRoute
from chassis.pagination import Key, Page, PageQuery, page_of, paginate
from chassis.preconditions import OptionalMatch, set_tag
from chassis.problems import problems

router = APIRouter(route_class=TransactionRoute, prefix="/api/v1", tags=["ratings"])

_ORDERS = "/supervision/rectifications"
_ORDER = _ORDERS + "/{rectification_id}"
_STEP = problems(RectificationNotFound, IllegalStep, Stale)


@router.post(
    "/cases/{case_id}/ratings",
    status_code=201,
    responses=problems(CaseNotFound, NotTheApplicant, NothingToRate, AlreadyRated, Stale),
)
async def rate_case(
    case_id: UUID, body: RatingIn, actor: Citizen, match: OptionalMatch, session: WriteSession
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
    return _rating_out(session, rating, states.get(rating.rating_id))


@router.get("/cases/{case_id}/ratings", responses=problems(CaseNotFound))
async def list_ratings(case_id: UUID, actor: SignedIn, session: ReadSession) -> RatingList:
    """The ratings of a case: whole for the party; for staff without who rated, words screened."""
    case = await get_case(session, actor, case_id)
    states = await queries.states_of(session, actor, case.case_id)
    ratings = []
    for rating in await queries.ratings_of(session, case.case_id):
        shown = _rating_out(session, rating, states.get(rating.rating_id))
        if actor.kind == "staff":
            shown.comment = screened(shown.comment) if shown.comment else None
            shown.tags = [screened(tag) for tag in rating.tags]
        ratings.append(shown)
    return RatingList(data=ratings, next=None)


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
    dossiers = await queries.dossiers(session, window.rows)
    return page_of(window, [_order_out(session, dossier) for dossier in dossiers])


@router.get(_ORDER, responses=problems(RectificationNotFound))
async def read_rectification(
    rectification_id: UUID, actor: Staff, session: ReadSession, response: Response
) -> RectificationOut:
    """One order of the department, with every step taken; never one about one's own work."""
    order = await queries.get_rectification(session, actor, rectification_id)
    set_tag(response, order.version)
    (dossier,) = await queries.dossiers(session, [order])
    return _order_out(session, dossier)


@dataclass
class OrderActionRequest:
    """One request that acts on a rectification; it is answered as GET shows the order."""

    rectification_id: UUID
    actor: Staff
    match: OptionalMatch
    session: WriteSession
    response: Response

    @property
    def target(self) -> tuple[WriteSession, Actor, UUID, str | None]:
        return self.session, self.actor, self.rectification_id, self.match

    async def answer(self, order: Rectification) -> RectificationOut:
        await self.session.flush()
        set_tag(self.response, order.version)
        self.response.headers["Content-Location"] = _path_of(order)
        (dossier,) = await queries.dossiers(self.session, [order])
        return _order_out(self.session, dossier)


OrderAction = Annotated[OrderActionRequest, Depends()]


@router.post(_ORDER + "/contact", responses=_STEP)
async def contact_rater(body: ContactIn, action: OrderAction) -> RectificationOut:
    """The rater was contacted (within one working day by default)."""
    order = await usecases.contact_rater(*action.target, note=body.note)
    return await action.answer(order)


@router.post(_ORDER + "/verification", responses=_STEP)
async def verify_rating(body: VerificationIn, action: OrderAction) -> RectificationOut:
    """`valid` goes on to measures; `invalid` and `mistaken` exclude the rating, with the reason."""
    order = await usecases.verify_rating(*action.target, result=body.result, note=body.note)
    return await action.answer(order)


@router.post(_ORDER + "/measures", responses=_STEP)
async def record_measures(body: MeasuresIn, action: OrderAction) -> RectificationOut:
    """What was done about it."""
    order = await usecases.record_measures(*action.target, measures=body.measures)
    return await action.answer(order)


@router.post(_ORDER + "/call-back", responses=_STEP)
async def call_back(body: CallBackIn, action: OrderAction) -> RectificationOut:
    """Ask again; a rater who is not satisfied sends the order back to its measures."""
    order = await usecases.call_back(*action.target, satisfied=body.satisfied, note=body.note)
    return await action.answer(order)


@router.post(_ORDER + "/closing", responses=_STEP)
async def close_rectification(body: ClosingIn, action: OrderAction) -> RectificationOut:
    """Close the order."""
    order = await usecases.close_rectification(*action.target, note=body.note)
    return await action.answer(order)


def _path_of(order: Rectification) -> str:
    return f"/api/v1{_ORDERS}/{order.rectification_id}"


def _rating_out(session: AsyncSession, rating: Rating, state: str | None) -> RatingOut:
    return RatingOut(
        rating_id=rating.rating_id,
        case_id=rating.case_id,
        service=RatedService(rating.service),
        satisfaction=rating.satisfaction,
        satisfaction_text=SCALE[rating.satisfaction],
        tags=rating.tags,
        comment=in_clear(session, rating.comment),
        rated_at=rating.rated_at,
        rectification=state,
    )


def _order_out(session: AsyncSession, dossier: Dossier) -> RectificationOut:
    order, rating = dossier.rectification, dossier.rating
    comment = in_clear(session, rating.comment)
    return RectificationOut(
        rectification_id=order.rectification_id,
        rating_id=rating.rating_id,
        case_no=order.case_no,
        department_code=order.department_code,
        region_code=order.region_code,
        service=RatedService(rating.service),
        satisfaction=rating.satisfaction,
        satisfaction_text=SCALE[rating.satisfaction],
        tags=[screened(tag) for tag in rating.tags],
        comment=screened(comment) if comment else None,
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
            StepOut(action=step.action, at=step.at, note=in_clear(session, step.note))
            for step in dossier.steps
        ],
        version=order.version,
        links={name: f"{_path_of(order)}/{name}" for name in order.actions},
    )
