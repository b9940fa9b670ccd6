"""What officers do with a case: rows 12 and 14 to 16 of the API."""

from uuid import UUID

from fastapi import APIRouter, Response

from case_svc.cases.errors import (
    AlreadyExtended,
    BadReason,
    CaseNotFound,
    ClaimsFailed,
    ClaimsPending,
    CorrectionUsed,
    DeemedAccepted,
    IllegalMove,
    NoticeFirst,
    NotInHand,
    NotYourStep,
    ProcedureNotFound,
    TooLateToExtend,
    WrongStep,
)
from case_svc.cases.queries.details import detail_of
from case_svc.cases.routes.answers import More, answer
from case_svc.cases.schemas.handling import (
    AcceptanceIn,
    CorrectionNoticeIn,
    DecisionIn,
    ExtensionIn,
    NonAcceptanceIn,
    OpinionIn,
    ProcedureEndIn,
    SpecialProcedureIn,
)
from case_svc.cases.schemas.shapes import CaseOut
from case_svc.cases.schemas.timing import TimingOut, timing_out
from case_svc.cases.usecases import acceptance, deciding, reviewing
from case_svc.cases.usecases.timing import read_clock
from chassis.auth import Staff
from chassis.db import Session
from chassis.errors import Stale
from chassis.preconditions import OptionalMatch, set_tag
from chassis.problems import problems

router = APIRouter(
    prefix="/api/v1/cases/{case_id}",
    tags=["cases"],
    responses=problems(CaseNotFound, NotYourStep, IllegalMove, NotInHand, Stale),
)


@router.post("/acceptance", responses=problems(IllegalMove, NotInHand, ClaimsPending, ClaimsFailed))
async def accept_case(
    case_id: UUID,
    actor: Staff,
    match: OptionalMatch,
    session: Session,
    response: Response,
    more: More,
    body: AcceptanceIn | None = None,
) -> CaseOut:
    """Accept the application; the decision clock starts."""
    case = await acceptance.accept_case(session, actor, case_id, match=match)
    return await answer(session, actor, case, response, more)


@router.post(
    "/correction-notice",
    responses=problems(IllegalMove, NotInHand, CorrectionUsed, DeemedAccepted)
    | problems(BadReason),
)
async def request_correction(
    case_id: UUID,
    body: CorrectionNoticeIn,
    actor: Staff,
    match: OptionalMatch,
    session: Session,
    response: Response,
    more: More,
) -> CaseOut:
    """Tell, once, everything that is missing."""
    case = await acceptance.request_correction(session, actor, case_id, body.lacks(), match=match)
    return await answer(session, actor, case, response, more)


@router.post(
    "/non-acceptance",
    responses=problems(IllegalMove, NotInHand, NoticeFirst, DeemedAccepted) | problems(BadReason),
)
async def decline_case(
    case_id: UUID,
    body: NonAcceptanceIn,
    actor: Staff,
    match: OptionalMatch,
    session: Session,
    response: Response,
    more: More,
) -> CaseOut:
    """Decline in writing; `not_required` tells that no permission is needed."""
    case = await acceptance.decline_case(session, actor, case_id, body.refusal(), match=match)
    return await answer(session, actor, case, response, more)


@router.post("/opinions", responses=problems(IllegalMove, NotInHand, WrongStep, BadReason))
async def give_opinion(
    case_id: UUID,
    body: OpinionIn,
    actor: Staff,
    match: OptionalMatch,
    session: Session,
    response: Response,
    more: More,
) -> CaseOut:
    """Agree, disagree, or return the case to the step before."""
    case = await reviewing.give_opinion(session, actor, case_id, body.content(), match=match)
    return await answer(session, actor, case, response, more)


@router.post("/special-procedures", responses=problems(BadReason))
async def start_procedure(
    case_id: UUID,
    body: SpecialProcedureIn,
    actor: Staff,
    match: OptionalMatch,
    session: Session,
    response: Response,
) -> TimingOut:
    """Stop the clock for a hearing, an inspection, an appraisal or the like (art 45)."""
    case = await reviewing.start_procedure(session, actor, case_id, body.content(), match=match)
    set_tag(response, case.version)
    return timing_out(await read_clock(session, await detail_of(session, case)))


@router.post(
    "/special-procedures/{procedure_id}/end", responses=problems(CaseNotFound, ProcedureNotFound)
)
async def end_procedure(
    case_id: UUID,
    procedure_id: UUID,
    body: ProcedureEndIn,
    actor: Staff,
    match: OptionalMatch,
    session: Session,
    response: Response,
) -> TimingOut:
    """The clock runs on."""
    case = await reviewing.end_procedure(
        session, actor, case_id, procedure_id, body.result, match=match
    )
    set_tag(response, case.version)
    return timing_out(await read_clock(session, await detail_of(session, case)))


@router.post(
    "/extension",
    responses=problems(IllegalMove, NotInHand, AlreadyExtended, TooLateToExtend, BadReason),
)
async def extend_case(
    case_id: UUID,
    body: ExtensionIn,
    actor: Staff,
    match: OptionalMatch,
    session: Session,
    response: Response,
) -> TimingOut:
    """Add working days, once, before the legal date has passed (art 42)."""
    case = await reviewing.extend_case(session, actor, case_id, body.days, body.reason, match=match)
    set_tag(response, case.version)
    return timing_out(await read_clock(session, await detail_of(session, case)))


@router.post("/decision", responses=problems(BadReason))
async def decide_case(
    case_id: UUID,
    body: DecisionIn,
    actor: Staff,
    match: OptionalMatch,
    session: Session,
    response: Response,
    more: More,
) -> CaseOut:
    """Grant or refuse; never by the one who accepted, except for an immediate item."""
    case = await deciding.decide_case(session, actor, case_id, body.ruling(), match=match)
    return await answer(session, actor, case, response, more)
