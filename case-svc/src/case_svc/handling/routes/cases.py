"""What officers do with a case."""

from uuid import UUID

from fastapi import APIRouter

from case_svc.cases.errors import CaseNotFound, IllegalMove, StepNotPermitted, TaskNotClaimed
from case_svc.handling.errors import (
    AlreadyExtended,
    BadReason,
    ClaimsFailed,
    ClaimsPending,
    CorrectionNoticeRequired,
    CorrectionUsed,
    DeemedAccepted,
    ProcedureNotFound,
    TooLateToExtend,
    WrongStep,
)
from case_svc.handling.schemas import (
    AcceptanceIn,
    CorrectionNoticeIn,
    DecisionIn,
    ExtensionIn,
    NonAcceptanceIn,
    OpinionIn,
    ProcedureEndIn,
    SpecialProcedureIn,
)
from case_svc.handling.usecases import acceptance, decision, review
from case_svc.views.routes.actions import StaffAction
from case_svc.views.schemas.case import CaseOut
from case_svc.views.schemas.clocks import TimingOut
from chassis.errors import Stale
from chassis.http.route import TransactionRoute
from chassis.problems import problems

router = APIRouter(
    route_class=TransactionRoute,
    prefix="/api/v1/cases/{case_id}",
    tags=["cases"],
    responses=problems(CaseNotFound, StepNotPermitted, IllegalMove, TaskNotClaimed, Stale),
)


@router.post(
    "/acceptance", responses=problems(IllegalMove, TaskNotClaimed, ClaimsPending, ClaimsFailed)
)
async def accept_case(action: StaffAction, body: AcceptanceIn | None = None) -> CaseOut:
    """Accept the application; the decision clock starts."""
    await acceptance.accept_case(action.session, action.actor, action.case_id, action.match)
    return await action.answer()


@router.post(
    "/correction-notice",
    responses=problems(IllegalMove, TaskNotClaimed, CorrectionUsed, DeemedAccepted)
    | problems(BadReason),
)
async def request_correction(action: StaffAction, body: CorrectionNoticeIn) -> CaseOut:
    """Name, once, everything that is missing."""
    await acceptance.request_correction(
        action.session, action.actor, action.case_id, body.lacks(), action.match
    )
    return await action.answer()


@router.post(
    "/non-acceptance",
    responses=problems(IllegalMove, TaskNotClaimed, CorrectionNoticeRequired, DeemedAccepted)
    | problems(BadReason),
)
async def decline_case(action: StaffAction, body: NonAcceptanceIn) -> CaseOut:
    """Decline in writing; `not_required` says that no permission is needed."""
    await acceptance.decline_case(
        action.session, action.actor, action.case_id, body.refusal(), action.match
    )
    return await action.answer()


@router.post("/opinions", responses=problems(IllegalMove, TaskNotClaimed, WrongStep, BadReason))
async def give_opinion(action: StaffAction, body: OpinionIn) -> CaseOut:
    """Agree, disagree, or return the case to the step before."""
    await review.give_opinion(
        action.session, action.actor, action.case_id, body.as_opinion(), action.match
    )
    return await action.answer()


@router.post("/special-procedures", responses=problems(BadReason))
async def start_procedure(action: StaffAction, body: SpecialProcedureIn) -> TimingOut:
    """Stop the clock for a hearing, an inspection, an appraisal or the like (art 45)."""
    await review.start_procedure(
        action.session, action.actor, action.case_id, body.as_procedure(), action.match
    )
    return await action.answer_clocks()


@router.post(
    "/special-procedures/{procedure_id}/end", responses=problems(CaseNotFound, ProcedureNotFound)
)
async def end_procedure(action: StaffAction, procedure_id: UUID, body: ProcedureEndIn) -> TimingOut:
    """The clock runs on."""
    await review.end_procedure(
        action.session, action.actor, action.case_id, procedure_id, body.result, action.match
    )
    return await action.answer_clocks()


@router.post(
    "/extension",
    responses=problems(IllegalMove, TaskNotClaimed, AlreadyExtended, TooLateToExtend, BadReason),
)
async def extend_case(action: StaffAction, body: ExtensionIn) -> TimingOut:
    """Add working days, once, before the legal date has passed (art 42)."""
    await review.extend_case(
        action.session, action.actor, action.case_id, body.days, body.reason, action.match
    )
    return await action.answer_clocks()


@router.post("/decision", responses=problems(BadReason))
async def decide_case(action: StaffAction, body: DecisionIn) -> CaseOut:
    """Grant or refuse; never by the one who accepted, except for an immediate item."""
    await decision.decide_case(
        action.session, action.actor, action.case_id, body.ruling(), action.match
    )
    return await action.answer()
