"""From receipt to acceptance: accept, ask once for a correction, decline, or let time accept."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from case_svc.cases import policies, queries
from case_svc.cases.events import CaseAccepted, CaseNotAccepted, CorrectionRequested
from case_svc.cases.models import Case
from case_svc.cases.rules import steps
from case_svc.cases.rules.lifecycle import Action, MaterialState, State
from case_svc.cases.rules.steps import Stage
from case_svc.cases.usecases import (
    event_fields,
    finish_task,
    open_case,
    open_task,
    require_task_in_hand,
    start_clock,
    start_decision_clocks,
    stop_clocks,
    transition,
)
from case_svc.clocks.queries import load_calendar
from case_svc.clocks.rules.legal_time import ClockKind, Limit, Unit
from case_svc.handling.errors import (
    BadReason,
    ClaimsFailed,
    ClaimsPending,
    CorrectionNoticeRequired,
    CorrectionUsed,
    DeemedAccepted,
)
from case_svc.items.queries import get_guide
from case_svc.settings import settings_of
from chassis.auth import Actor
from chassis.clock import now
from chassis.database.sessions import WriteSession
from chassis.errors import FieldError
from chassis.outbox import record

PER_TURN: Final = 100
# Reasons of a non-acceptance with rules of their own.
NOT_REQUIRED: Final = "not_required"
NOT_COMPETENT: Final = "not_competent"
STILL_INCOMPLETE: Final = "incomplete_after_notice"


@dataclass(frozen=True)
class Lack:
    """One thing to correct: a place in the form or a material, and why."""

    pointer: str | None
    material_id: str | None
    reason: str


@dataclass(frozen=True)
class Refusal:
    """Why an application is not accepted, and where to go instead."""

    reason_code: str
    reason: str
    competent_authority: str | None


async def accept_case(
    session: WriteSession, actor: Actor, case_id: UUID, match: str | None
) -> None:
    """Claims must be checked first; what failed must be corrected or declined."""
    case = await open_case(session, actor, case_id, match)
    task = await require_task_in_hand(session, actor, case, Action.ACCEPT, Stage.ACCEPTANCE)
    late = await _notice_passed_on(session, case)
    if late is None:
        materials = await queries.materials_of(session, case_id)
        pending = [row.name for row in materials if row.state == MaterialState.PENDING]
        if pending:
            raise ClaimsPending(materials="、".join(pending))
        failed = [row.name for row in materials if policies.blocks(case, row)]
        if failed:
            raise ClaimsFailed(materials="、".join(failed))
    finish_task(task, actor, "accepted")
    # Who accepts too late accepts what the law has accepted: its period began at the receipt.
    accepted_at = case.received_at if late and case.received_at else now()
    await _accept(session, case, actor, accepted_at=accepted_at)


async def deem_overdue_accepted(session: WriteSession) -> None:
    """Five working days of silence: accepted as of the receipt (行政许可法 32(4))."""
    for case in await queries.lock_overdue_cases(
        session, ClockKind.NOTIFY, State.SUBMITTED, limit=PER_TURN
    ):
        task = await queries.present_task(session, case.case_id)
        if task is not None:
            finish_task(task, None, "deemed_accepted")
        assert case.received_at is not None
        await _accept(session, case, None, accepted_at=case.received_at)


async def request_correction(
    session: WriteSession, actor: Actor, case_id: UUID, lacks: Sequence[Lack], match: str | None
) -> None:
    """Name everything that is missing, at once and once only."""
    case = await open_case(session, actor, case_id, match)
    action = Action.REQUEST_CORRECTION
    task = await require_task_in_hand(session, actor, case, action, Stage.ACCEPTANCE)
    if case.correction is not None:
        raise CorrectionUsed
    await _ensure_in_time(session, case)
    guide = await get_guide(session, case.item_id, case.item_version)
    _ensure_in_guide(lacks, guide)
    finish_task(task, actor, "correction_requested")
    await stop_clocks(session, case, {ClockKind.NOTIFY})
    note = "；".join(f"{lack.material_id or lack.pointer}：{lack.reason}" for lack in lacks)
    transition(session, case, action, actor, note=note)
    case.step = None
    days = guide.get("correction_days") or settings_of(session).correction_days
    limit = Limit(int(days), Unit.CALENDAR_DAY)
    calendar = await load_calendar(session)
    clock = start_clock(session, case, ClockKind.CORRECTION, limit, calendar, now())
    case.correction = {
        "items": [asdict(lack) for lack in lacks],
        "noticed_at": now().isoformat(),
        "due_on": clock.due_on.isoformat(),
        "officer_id": str(actor.id),
        "corrected_at": None,
    }
    await record(session, CorrectionRequested(**event_fields(case)))


async def decline_case(
    session: WriteSession, actor: Actor, case_id: UUID, refusal: Refusal, match: str | None
) -> None:
    """Decline in writing, with the reason, the way to the right authority, and the remedies."""
    case = await open_case(session, actor, case_id, match)
    not_required = refusal.reason_code == NOT_REQUIRED
    action = Action.DECLARE_NOT_REQUIRED if not_required else Action.DECLINE
    task = await require_task_in_hand(session, actor, case, action, Stage.ACCEPTANCE)
    await _ensure_in_time(session, case)
    if refusal.reason_code == STILL_INCOMPLETE and case.correction is None:
        raise CorrectionNoticeRequired
    if refusal.reason_code == NOT_COMPETENT and not refusal.competent_authority:
        zh, en = "请写明应向哪个机关申请", "name the authority to turn to"
        raise BadReason([FieldError("/competent_authority", "required", zh, en)])
    finish_task(task, actor, str(action))
    await stop_clocks(session, case)
    transition(session, case, action, actor, note=refusal.reason)
    case.step, case.ended_at = None, now()
    case.non_acceptance = asdict(refusal) | {
        "remedies": settings_of(session).remedies,
        "at": now().isoformat(),
    }
    await record(session, CaseNotAccepted(**event_fields(case)))


async def _accept(
    session: WriteSession, case: Case, actor: Actor | None, *, accepted_at: datetime
) -> None:
    guide = await get_guide(session, case.item_id, case.item_version)
    calendar = await load_calendar(session)
    await stop_clocks(session, case, {ClockKind.NOTIFY})
    case.accepted_at = accepted_at
    case.accepted_by = actor.id if actor else None
    transition(session, case, Action.ACCEPT if actor else Action.DEEM_ACCEPTED, actor)
    start_decision_clocks(session, case, guide, calendar, accepted_at)
    following = steps.after(guide, steps.first(guide).step_id)
    assert following is not None
    # An immediate item is decided on the spot by whoever accepted it (art 34 §2).
    on_the_spot = policies.is_immediate(case) and actor is not None
    opened_to = None
    if actor and on_the_spot and policies.may_finish(actor, following.stage, case):
        opened_to = actor.id
    open_task(session, case, following, calendar, opened_to=opened_to)
    await record(session, CaseAccepted(**event_fields(case)))


async def _notice_passed_on(session: WriteSession, case: Case) -> date | None:
    """The day the department let pass in silence, none while there is time."""
    clocks = await queries.running_clocks(session, case.case_id)
    passed = (
        clock.due_on for clock in clocks if clock.kind == ClockKind.NOTIFY and clock.due_at <= now()
    )
    return next(passed, None)


async def _ensure_in_time(session: WriteSession, case: Case) -> None:
    """Between the date and the next turn of the loop nothing else may be done (art 32(4))."""
    due = await _notice_passed_on(session, case)
    if due is not None:
        raise DeemedAccepted(due=due)


def _ensure_in_guide(lacks: Sequence[Lack], guide: dict[str, Any]) -> None:
    materials = {material["material_id"] for material in guide["materials"]}
    fields = guide["form"].get("properties", {})
    errors = []
    for number, lack in enumerate(lacks):
        if lack.material_id is not None and lack.material_id not in materials:
            pointer = f"/items/{number}/material_id"
            errors.append(FieldError(pointer, "unknown_material", "没有这项材料", "no such"))
        # `/form/name` and `/name` both name the field.
        path = (lack.pointer or "").removeprefix("/form").lstrip("/").split("/")
        field = path[0].replace("~1", "/").replace("~0", "~")
        if lack.pointer is not None and field not in fields:
            pointer = f"/items/{number}/pointer"
            errors.append(FieldError(pointer, "unknown_field", "表单没有这一项", "no such field"))
    if errors:
        raise BadReason(errors)
