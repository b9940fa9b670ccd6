"""From receipt to acceptance: accept, ask once for a correction, decline, or let time accept."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from case_svc.cases import policies, steps
from case_svc.cases.clock import Limit, Unit
from case_svc.cases.errors import (
    BadReason,
    ClaimsFailed,
    ClaimsPending,
    CorrectionUsed,
    DeemedAccepted,
    NoticeFirst,
)
from case_svc.cases.events import CaseAccepted, CaseNotAccepted, CorrectionRequested
from case_svc.cases.lifecycle import Action
from case_svc.cases.models import Case, CaseMaterial
from case_svc.cases.queries.cases import materials_of, present_task
from case_svc.cases.queries.clocks import CORRECTION, NOTIFY, running_clocks
from case_svc.cases.steps import Stage
from case_svc.cases.usecases.clocks import start_clock, start_decision_clocks, stop_clocks
from case_svc.cases.usecases.moves import facts, move, open_case, settings_of
from case_svc.cases.usecases.tasks import finish_task, open_task, take
from case_svc.items import queries as items
from chassis.auth import Actor
from chassis.clock import now
from chassis.errors import FieldError
from chassis.outbox import record

# domain.md 3.4; the other two words of that dictionary belong to the applicant and to time.
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
    session: AsyncSession, actor: Actor, case_id: UUID, *, match: str | None = None
) -> Case:
    """Claims must be checked first; what failed must be corrected or declined."""
    case = await open_case(session, actor, case_id, match)
    task = await take(session, actor, case, Action.ACCEPT, Stage.ACCEPTANCE)
    guide = await items.get_guide(session, case.item_id, case.item_version)
    late = await _silent_until(session, case)
    if late is None:
        _ensure_checked(case, await materials_of(session, case_id))
    finish_task(task, actor, "accepted")
    # Who accepts too late accepts what the law has accepted: its period began at the receipt.
    accepted_at = case.received_at if late and case.received_at else now()
    await _accept(session, case, actor, guide, accepted_at=accepted_at)
    return case


async def deem_accepted(session: AsyncSession, case: Case) -> None:
    """Nobody spoke in time: accepted as of the day the materials were received (art 32(4))."""
    guide = await items.get_guide(session, case.item_id, case.item_version)
    task = await present_task(session, case.case_id)
    if task is not None:
        finish_task(task, None, "deemed_accepted")
    assert case.received_at is not None
    await _accept(session, case, None, guide, accepted_at=case.received_at)


async def request_correction(
    session: AsyncSession,
    actor: Actor,
    case_id: UUID,
    lacks: Sequence[Lack],
    *,
    match: str | None = None,
) -> Case:
    """Tell everything that is missing, at once and once only."""
    case = await open_case(session, actor, case_id, match)
    task = await take(session, actor, case, Action.REQUEST_CORRECTION, Stage.ACCEPTANCE)
    if case.correction is not None:
        raise CorrectionUsed
    await _ensure_in_time(session, case)
    guide = await items.get_guide(session, case.item_id, case.item_version)
    _ensure_known(lacks, guide)
    finish_task(task, actor, "correction_requested")
    await stop_clocks(session, case, {NOTIFY})
    move(session, case, Action.REQUEST_CORRECTION, actor, note=_told(lacks))
    case.step = None
    days = guide.get("correction_days") or settings_of(session).correction_days
    limit = Limit(int(days), Unit.CALENDAR_DAY)
    running = await start_clock(session, case, CORRECTION, limit, now())
    case.correction = {
        "items": [asdict(one) for one in lacks],
        "noticed_at": now().isoformat(),
        "due_on": running.due_on.isoformat(),
        "officer_id": str(actor.id),
        "corrected_at": None,
    }
    await record(session, CorrectionRequested(**facts(case)))
    return case


async def decline_case(
    session: AsyncSession,
    actor: Actor,
    case_id: UUID,
    refusal: Refusal,
    *,
    match: str | None = None,
) -> Case:
    """Decline in writing, with the reason, the way to the right authority, and the remedies."""
    case = await open_case(session, actor, case_id, match)
    not_required = refusal.reason_code == NOT_REQUIRED
    action = Action.DECLARE_NOT_REQUIRED if not_required else Action.DECLINE
    task = await take(session, actor, case, action, Stage.ACCEPTANCE)
    await _ensure_in_time(session, case)
    if refusal.reason_code == STILL_INCOMPLETE and case.correction is None:
        raise NoticeFirst
    if refusal.reason_code == NOT_COMPETENT and not refusal.competent_authority:
        zh, en = "请写明应向哪个机关申请", "name the authority to turn to"
        raise BadReason([FieldError("/competent_authority", "required", zh, en)])
    finish_task(task, actor, str(action))
    await stop_clocks(session, case)
    move(session, case, action, actor, note=refusal.reason)
    case.step, case.ended_at = None, now()
    case.non_acceptance = asdict(refusal) | {
        "remedies": settings_of(session).remedies,
        "at": now().isoformat(),
    }
    await record(session, CaseNotAccepted(**facts(case)))
    return case


async def _accept(
    session: AsyncSession,
    case: Case,
    actor: Actor | None,
    guide: dict[str, Any],
    *,
    accepted_at: datetime,
) -> None:
    case.accepted_at = accepted_at
    case.accepted_by = actor.id if actor else None
    await stop_clocks(session, case, {NOTIFY})
    move(session, case, Action.ACCEPT if actor else Action.DEEM_ACCEPTED, actor)
    await start_decision_clocks(session, case, guide, accepted_at)
    following = steps.after(guide, steps.first(guide).step_id)
    assert following is not None
    # An immediate item is decided on the spot by whoever accepted it (art 34 §2).
    spot = actor is not None and policies.may_finish(actor, following.stage, case)
    opened_to = actor.id if actor and spot and case.is_immediate else None
    await open_task(session, case, following, opened_to=opened_to)
    await record(session, CaseAccepted(**facts(case)))


async def _silent_until(session: AsyncSession, case: Case) -> date | None:
    """The day the department let pass without a word, none while there is time."""
    for one in await running_clocks(session, case.case_id):
        if one.kind == NOTIFY and one.due_at <= now():
            return one.due_on
    return None


async def _ensure_in_time(session: AsyncSession, case: Case) -> None:
    """Between the date and the next turn of the loop nothing else may be done (art 32(4))."""
    due = await _silent_until(session, case)
    if due is not None:
        raise DeemedAccepted(due=due)


def _ensure_checked(case: Case, materials: Sequence[CaseMaterial]) -> None:
    pending = [one.name for one in materials if one.state == "pending"]
    if pending:
        raise ClaimsPending(materials="、".join(pending))
    failed = [one.name for one in materials if policies.blocks(case, one)]
    if failed:
        raise ClaimsFailed(materials="、".join(failed))


def _ensure_known(lacks: Sequence[Lack], guide: dict[str, Any]) -> None:
    materials = {one["material_id"] for one in guide["materials"]}
    errors = [
        FieldError(f"/items/{number}/material_id", "unknown_material", "没有这项材料", "no such")
        for number, one in enumerate(lacks)
        if one.material_id is not None and one.material_id not in materials
    ]
    fields = guide["form"].get("properties", {})
    errors += [
        FieldError(f"/items/{number}/pointer", "unknown_field", "表单没有这一项", "no such field")
        for number, one in enumerate(lacks)
        if one.pointer is not None and _field_of(one.pointer) not in fields
    ]
    if errors:
        raise BadReason(errors)


def _field_of(pointer: str) -> str:
    """`/form/name` and `/name` both name the field."""
    parts = pointer.removeprefix("/form").lstrip("/").split("/")
    return parts[0].replace("~1", "/").replace("~0", "~")


def _told(lacks: Sequence[Lack]) -> str:
    return "；".join(f"{one.material_id or one.pointer}：{one.reason}" for one in lacks)
