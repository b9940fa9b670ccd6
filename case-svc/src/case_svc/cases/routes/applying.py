"""What applicants do: rows 7, 13 and 21 of the API."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Body, Response
from sqlalchemy.ext.asyncio import AsyncSession

from case_svc.cases.errors import (
    CaseNotFound,
    IllegalMove,
    ItemNotOpen,
    NotApplicant,
    NothingPromised,
    PowerMissing,
    SubmissionInvalid,
)
from case_svc.cases.routes.answers import More, answer
from case_svc.cases.schemas.applying import (
    CaseIn,
    CorrectionIn,
    DraftIn,
    SubmittedOut,
    WithdrawalIn,
)
from case_svc.cases.schemas.shapes import CaseOut
from case_svc.cases.schemas.showing import action_links
from case_svc.cases.usecases import correcting, submission
from case_svc.cases.usecases.moves import open_case
from case_svc.cases.usecases.showing import MoreActions, offers
from case_svc.items.errors import ItemNotFound
from case_svc.parties.errors import CompanyNotFound
from chassis.auth import Actor, AssuranceTooLow, Citizen, SignedIn
from chassis.db import GroundSession, Session
from chassis.errors import PreconditionMissing, Stale
from chassis.idempotency import RequiredKey
from chassis.preconditions import OptionalMatch, RequiredMatch, set_tag
from chassis.problems import problems
from chassis.straight import StraightRoute

router = APIRouter(prefix="/api/v1/cases", tags=["cases"], route_class=StraightRoute)

_SUBMITTING = problems(
    AssuranceTooLow, PowerMissing, ItemNotFound, CompanyNotFound, ItemNotOpen, SubmissionInvalid
)


@router.post("", status_code=201, responses=_SUBMITTING | problems(PreconditionMissing))
async def submit_case(
    body: CaseIn,
    actor: Citizen,
    key: RequiredKey,
    session: GroundSession,
    response: Response,
    more: More,
) -> SubmittedOut:
    """Apply in one call, or keep a draft with `submit: false`."""
    verb = submission.submit_case if body.submit else submission.save_draft
    submitted = await verb(session, actor, body.item_id, body.on_behalf_of, body.application())
    response.headers["Location"] = f"/api/v1/cases/{submitted.case.case_id}"
    return await _submitted(session, actor, submitted, response, more)


@router.patch("/{case_id}", responses=_SUBMITTING | problems(CaseNotFound, IllegalMove, Stale))
async def change_draft(
    case_id: UUID,
    body: DraftIn,
    actor: Citizen,
    match: RequiredMatch,
    session: Session,
    response: Response,
    more: More,
) -> CaseOut:
    """Go on with a draft."""
    case = await open_case(session, actor, case_id, match)
    await submission.change_draft(session, actor, case, body.changes())
    return await answer(session, actor, case, response, more)


@router.post("/{case_id}/submission", responses=_SUBMITTING | problems(CaseNotFound, IllegalMove))
async def submit_draft(
    case_id: UUID,
    actor: Citizen,
    match: OptionalMatch,
    session: Session,
    response: Response,
    more: More,
) -> SubmittedOut:
    """Hand the draft in."""
    case = await open_case(session, actor, case_id, match)
    submitted = await submission.submit_draft(session, actor, case)
    return await _submitted(session, actor, submitted, response, more)


@router.post(
    "/{case_id}/correction",
    responses=problems(
        NotApplicant, PowerMissing, CaseNotFound, IllegalMove, NothingPromised, SubmissionInvalid
    ),
)
async def correct_case(
    case_id: UUID,
    body: CorrectionIn,
    actor: SignedIn,
    match: OptionalMatch,
    session: Session,
    response: Response,
    more: More,
) -> CaseOut:
    """Send what the correction notice asked for; also supplies promised materials in time."""
    sent = body.application()
    case = await correcting.correct_case(session, actor, case_id, sent, match=match)
    return await answer(session, actor, case, response, more)


@router.post(
    "/{case_id}/withdrawal",
    responses=problems(NotApplicant, PowerMissing, CaseNotFound, IllegalMove),
)
async def withdraw_case(
    case_id: UUID,
    body: Annotated[WithdrawalIn, Body()],
    actor: SignedIn,
    match: OptionalMatch,
    session: Session,
    response: Response,
    more: More,
) -> CaseOut:
    """Withdraw before the decision."""
    case = await correcting.withdraw_case(session, actor, case_id, body.reason, match=match)
    return await answer(session, actor, case, response, more)


async def _submitted(
    session: AsyncSession,
    actor: Actor,
    submitted: submission.Submitted,
    response: Response,
    more: MoreActions,
) -> SubmittedOut:
    case = submitted.case
    actions = await offers(session, actor, case, submitted.materials, more)
    set_tag(response, case.version)
    progress = {"progress": "/api/v1/progress"} if case.case_no else {}
    return SubmittedOut(
        case_id=case.case_id,
        case_no=case.case_no,
        query_code=submitted.query_code,
        status=case.status,
        receipt=submitted.receipt,
        links=action_links(case, actions) | progress,
        actions=actions,
    )
