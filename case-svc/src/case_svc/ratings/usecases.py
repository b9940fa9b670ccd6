"""Rate a service; contact, verify, rectify, call back and close after a bad rating."""

from collections.abc import Sequence
from uuid import UUID

from case_svc.cases.models import Case
from case_svc.cases.queries import get_case, powers_of
from case_svc.cases.rules.lifecycle import State as CaseState
from case_svc.cases.usecases import event_fields
from case_svc.clocks.queries import load_calendar
from case_svc.clocks.rules.legal_time import add_workdays
from case_svc.parties.rules.powers import Power
from case_svc.ratings import queries
from case_svc.ratings.errors import AlreadyRated, NothingToRate, NotTheApplicant
from case_svc.ratings.events import CaseRated
from case_svc.ratings.models import Rating, Rectification, RectificationStep
from case_svc.ratings.policies import services_left
from case_svc.ratings.rules import rectification
from case_svc.ratings.rules.rectification import Action, State
from case_svc.ratings.rules.scale import SERVICE_ZH, RatedService
from case_svc.settings import settings_of
from chassis import clock
from chassis.auth import Actor
from chassis.database.sessions import WriteSession, process_of
from chassis.outbox import record
from chassis.preconditions import ensure_match


async def rate_case(
    session: WriteSession,
    actor: Actor,
    case_id: UUID,
    *,
    service: RatedService,
    satisfaction: int,
    tags: Sequence[str],
    comment: str | None,
    match: str | None = None,
) -> Rating:
    """Keep and publish the rating, and open a rectification when it is a bad one."""
    # Locked: the second of two ratings of one service must see the first.
    case = await get_case(session, actor, case_id, for_update=True)
    if case.state is CaseState.DRAFT:
        raise NothingToRate
    powers = await powers_of(session, actor, case.person_id, case.company_id, case.item_code)
    if case.case_no is None or Power.RATE not in powers:
        raise NotTheApplicant
    ensure_match(match, case.version)
    left = services_left(case.rated)
    if service not in left:
        raise AlreadyRated(
            service=f"{SERVICE_ZH[service]}（{service.value}）", left="、".join(left) or "–"
        )
    rating = Rating(
        rating_id=clock.new_id(),
        case_id=case.case_id,
        item_id=case.item_id,
        department_code=case.department_code,
        region_code=case.region_code,
        service=service.value,
        satisfaction=satisfaction,
        tags=list(dict.fromkeys(tags)),
        comment=_encrypted(session, comment),
        rated_by=actor.id,
        rated_at=clock.now(),
        is_valid=True,
    )
    session.add(rating)
    # What the parties may do with the case has changed, so its version has.
    case.rated = [*case.rated, service.value]
    case.version += 1
    await session.flush()
    if rating.is_bad:
        await _open_rectification(session, case, rating)
    await record(
        session, CaseRated(**event_fields(case), service=rating.service, satisfaction=satisfaction)
    )
    return rating


async def contact_rater(
    session: WriteSession, actor: Actor, rectification_id: UUID, match: str | None, *, note: str
) -> Rectification:
    """The rater was reached, or it was tried; the clock of the contact stops."""
    order = await _act(session, actor, rectification_id, match, Action.CONTACT, note)
    order.contacted_at = clock.now()
    return order


async def verify_rating(
    session: WriteSession,
    actor: Actor,
    rectification_id: UUID,
    match: str | None,
    *,
    result: str,
    note: str,
) -> Rectification:
    """What is not valid leaves the numbers; the reason stays on record."""
    action = rectification.verification(result)
    order = await _act(session, actor, rectification_id, match, action, note)
    order.verification, order.verified_at = result, clock.now()
    if order.state == State.EXCLUDED:
        (await session.get_one(Rating, order.rating_id)).is_valid = False
    return order


async def record_measures(
    session: WriteSession, actor: Actor, rectification_id: UUID, match: str | None, *, measures: str
) -> Rectification:
    """What was done about it; from now on the call-back clock runs."""
    order = await _act(session, actor, rectification_id, match, Action.RECTIFY, measures)
    days = settings_of(session).rating_call_back_days
    order.rectified_at = clock.now()
    order.call_back_due_on = add_workdays(await load_calendar(session), clock.today(), days)
    return order


async def call_back(
    session: WriteSession,
    actor: Actor,
    rectification_id: UUID,
    match: str | None,
    *,
    satisfied: bool,
    note: str,
) -> Rectification:
    """A rater who is still not satisfied sends the order back to its measures."""
    action = rectification.call_back(satisfied=satisfied)
    order = await _act(session, actor, rectification_id, match, action, note)
    order.satisfied, order.called_back_at = satisfied, clock.now()
    if not satisfied:
        order.rectified_at = order.call_back_due_on = None
    return order


async def close_rectification(
    session: WriteSession, actor: Actor, rectification_id: UUID, match: str | None, *, note: str
) -> Rectification:
    order = await _act(session, actor, rectification_id, match, Action.CLOSE, note)
    order.closed_at = clock.now()
    return order


async def _open_rectification(session: WriteSession, case: Case, rating: Rating) -> None:
    settings, today = settings_of(session), clock.today()
    calendar = await load_calendar(session)
    session.add(
        Rectification(
            rectification_id=clock.new_id(),
            rating_id=rating.rating_id,
            case_id=case.case_id,
            case_no=case.case_no,
            department_code=case.department_code,
            region_code=case.region_code,
            evaluated=await queries.officers_of(session, case),
            state=State.CREATED.value,
            basis=settings.rating_basis,
            opened_at=clock.now(),
            contact_due_on=add_workdays(calendar, today, settings.rating_contact_days),
            rectify_due_on=add_workdays(calendar, today, settings.rating_rectify_days),
            version=1,
        )
    )


async def _act(
    session: WriteSession,
    actor: Actor,
    rectification_id: UUID,
    match: str | None,
    action: Action,
    note: str,
) -> Rectification:
    order = await queries.get_rectification(session, actor, rectification_id, for_update=True)
    ensure_match(match, order.version)
    order.move(action)
    session.add(
        RectificationStep(
            step_id=clock.new_id(),
            rectification_id=order.rectification_id,
            action=action.value,
            note=_encrypted(session, note),
            actor_id=actor.id,
            at=clock.now(),
        )
    )
    return order


def _encrypted(session: WriteSession, words: str | None) -> bytes | None:
    return process_of(session).vault.encrypt(words) if words else None
