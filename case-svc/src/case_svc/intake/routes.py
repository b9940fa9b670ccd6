"""What applicants do with a case."""

from typing import Annotated

from fastapi import APIRouter, Body, Response

from case_svc.cases.errors import CaseNotFound, IllegalMove
from case_svc.cases.policies import applicant_actions
from case_svc.intake.errors import (
    InsufficientMandate,
    ItemNotOpen,
    NotApplicant,
    NothingPromised,
    SubmissionInvalid,
)
from case_svc.intake.schemas import CaseIn, CorrectionIn, DraftIn, SubmittedOut, WithdrawalIn
from case_svc.intake.usecases import correction, submission
from case_svc.intake.usecases.submission import Submitted
from case_svc.items.errors import ItemNotFound
from case_svc.parties.errors import CompanyNotFound
from case_svc.views.routes.actions import CitizenAction, More, PartyAction
from case_svc.views.schemas.case import CaseOut, action_links
from case_svc.views.usecases.detail import MoreActions
from chassis.auth import AssuranceTooLow, Citizen
from chassis.database.sessions import WriteSession
from chassis.errors import PreconditionMissing, Stale
from chassis.http.idempotency import RequiredKey
from chassis.http.route import TransactionRoute
from chassis.preconditions import RequiredMatch, set_tag
from chassis.problems import problems

router = APIRouter(route_class=TransactionRoute, prefix="/api/v1/cases", tags=["cases"])
_case = APIRouter(route_class=TransactionRoute, prefix="/{case_id}")

_SUBMITTING = problems(
    AssuranceTooLow,
    InsufficientMandate,
    ItemNotFound,
    CompanyNotFound,
    ItemNotOpen,
    SubmissionInvalid,
)


@router.post("", status_code=201, responses=_SUBMITTING | problems(PreconditionMissing))
async def submit_case(
    body: CaseIn,
    actor: Citizen,
    key: RequiredKey,
    session: WriteSession,
    response: Response,
    more: More,
) -> SubmittedOut:
    """Apply in one call, or keep a draft with `submit: false`."""
    verb = submission.submit_case if body.submit else submission.save_draft
    submitted = await verb(session, actor, body.item_id, body.on_behalf_of, body.application())
    response.headers["Location"] = f"/api/v1/cases/{submitted.case.case_id}"
    return _submitted_out(submitted, response, more)


@_case.patch("", responses=_SUBMITTING | problems(CaseNotFound, IllegalMove, Stale))
async def change_draft(body: DraftIn, action: CitizenAction, match: RequiredMatch) -> CaseOut:
    """Go on with a draft."""
    await submission.change_draft(
        action.session, action.actor, action.case_id, body.changes(), match
    )
    return await action.answer()


@_case.post("/submission", responses=_SUBMITTING | problems(CaseNotFound, IllegalMove))
async def submit_draft(action: CitizenAction) -> SubmittedOut:
    """Hand the draft in."""
    submitted = await submission.submit_draft(
        action.session, action.actor, action.case_id, action.match
    )
    return _submitted_out(submitted, action.response, action.more)


@_case.post(
    "/correction",
    responses=problems(
        NotApplicant,
        InsufficientMandate,
        CaseNotFound,
        IllegalMove,
        NothingPromised,
        SubmissionInvalid,
    ),
)
async def correct_case(body: CorrectionIn, action: PartyAction) -> CaseOut:
    """Send what the correction notice asked for; also supplies promised materials in time."""
    await correction.correct_case(
        action.session, action.actor, action.case_id, body.application(), action.match
    )
    return await action.answer()


@_case.post(
    "/withdrawal", responses=problems(NotApplicant, InsufficientMandate, CaseNotFound, IllegalMove)
)
async def withdraw_case(body: Annotated[WithdrawalIn, Body()], action: PartyAction) -> CaseOut:
    """Withdraw before the decision."""
    await correction.withdraw_case(
        action.session, action.actor, action.case_id, body.reason, action.match
    )
    return await action.answer()


router.include_router(_case)


def _submitted_out(submitted: Submitted, response: Response, more: MoreActions) -> SubmittedOut:
    case, powers = submitted.case, submitted.powers
    actions = applicant_actions(case.status, powers, submitted.materials) + more(case, powers)
    set_tag(response, case.version)
    progress = {"progress": "/api/v1/progress"} if case.case_no else {}
    return SubmittedOut(
        case_id=case.case_id,
        case_no=case.case_no,
        query_code=submitted.query_code,
        status=case.status,
        receipt=submitted.receipt,
        links=action_links(actions, case.case_id, case.item_id) | progress,
        actions=actions,
    )
