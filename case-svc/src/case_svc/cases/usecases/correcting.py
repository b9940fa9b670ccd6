"""What the applicant sends after submission: a correction, a promised material, a withdrawal."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from case_svc.cases import steps
from case_svc.cases.applications import Application, Given
from case_svc.cases.clock import Limit, Unit
from case_svc.cases.errors import (
    IllegalMove,
    NotApplicant,
    NothingPromised,
    PowerMissing,
    SubmissionInvalid,
)
from case_svc.cases.events import CaseCorrected, CaseReturned, CaseWithdrawn
from case_svc.cases.lifecycle import Action, State, allowed, possible, step
from case_svc.cases.models import Case, CaseMaterial
from case_svc.cases.queries.cases import materials_of, owes, powers_of
from case_svc.cases.queries.clocks import CORRECTION, NOTIFY
from case_svc.cases.usecases.checking import check_application
from case_svc.cases.usecases.clocks import start_clock, stop_clocks
from case_svc.cases.usecases.contents import add_materials, announce_claims, read_json, write_json
from case_svc.cases.usecases.moves import facts, move, open_case, remark, settings_of
from case_svc.cases.usecases.tasks import cancel_task, open_task
from case_svc.items import queries as items
from chassis.auth import Actor
from chassis.clock import now, today
from chassis.errors import FieldError
from chassis.outbox import record


async def correct_case(
    session: AsyncSession,
    actor: Actor,
    case_id: UUID,
    sent: Application,
    *,
    match: str | None = None,
) -> Case:
    """Sent form keys, answers and materials replace the old ones; the whole is checked again.

    After submission, and while no correction is asked for, it supplies promised materials.
    """
    case = await open_case(session, actor, case_id, match)
    await ensure_power(session, actor, case, "correct")
    if not (sent.form or sent.answers or sent.materials):
        zh, en = "没有补正任何内容", "nothing is corrected"
        raise SubmissionInvalid([FieldError("", "empty", zh, en)])
    if case.state is State.CORRECTION_REQUIRED:
        await _correct(session, actor, case, sent)
    else:
        await _supply(session, actor, case, sent)
    return case


async def withdraw_case(
    session: AsyncSession, actor: Actor, case_id: UUID, reason: str, *, match: str | None = None
) -> Case:
    """The applicant may change her mind until the decision."""
    case = await open_case(session, actor, case_id, match)
    await ensure_power(session, actor, case, "withdraw")
    await _end(session, case, Action.WITHDRAW, actor, reason)
    return case


async def lapse_case(session: AsyncSession, case: Case, reason: str) -> None:
    """Taken to have withdrawn: a promise or a correction did not come in time."""
    await _end(session, case, Action.LAPSE, None, reason)


async def return_case(session: AsyncSession, case: Case, reason: str) -> None:
    """退件: the correction did not come in time."""
    await _end(session, case, Action.RETURN_OVERDUE, None, reason)


async def ensure_power(session: AsyncSession, actor: Actor, case: Case, power: str) -> None:
    """403 for officers and for agents without this power; others do not see the case at all."""
    if actor.kind != "citizen":
        raise NotApplicant
    if power not in await powers_of(session, actor, case):
        raise PowerMissing(power=power)


async def _correct(session: AsyncSession, actor: Actor, case: Case, sent: Application) -> None:
    guide = await items.get_guide(session, case.item_id, case.item_version)
    old = await materials_of(session, case.case_id)
    whole = Application(
        answers=_over(read_json(session, case.answers), sent.answers),
        form=_over(read_json(session, case.form), sent.form),
        materials=sent.materials,
    )
    assert case.correction is not None
    named = {one["material_id"] for one in case.correction["items"]}
    # Only what the notice named can be demanded (许可法 32(5)): a failed claim it named has to be
    # replaced, one it passed over stays the officer's to decide on.
    kept = {one.material_id for one in old if one.state != "failed" or one.material_id not in named}
    needed = await check_application(
        session, actor, guide, case.applicant_type, whole, present=kept
    )
    case.form, case.answers = write_json(session, whole.form), write_json(session, whole.answers)
    await stop_clocks(session, case, {CORRECTION})
    move(session, case, Action.CORRECT, actor)
    rows = await _replace(session, case, old, needed, sent.materials)
    case.correction = case.correction | {"corrected_at": now().isoformat()}
    # Complete materials are received today: the period to accept them begins anew.
    case.received_at = now()
    days = settings_of(session).notify_days
    await start_clock(session, case, NOTIFY, Limit(days, Unit.WORKING_DAY), now())
    officer = UUID(case.correction["officer_id"])
    await open_task(session, case, steps.first(guide), opened_to=officer)
    await record(session, CaseCorrected(**facts(case)))
    await announce_claims(session, case, rows)


async def _supply(session: AsyncSession, actor: Actor, case: Case, sent: Application) -> None:
    """A promised material, until its due date; nothing else may be touched now."""
    old = await materials_of(session, case.case_id)
    if Action.SUPPLY not in allowed(case.state) or not owes(old):
        raise IllegalMove(case.state, Action.CORRECT, possible(case.state))
    open_until = {one.material_id: one.promised_until for one in old if one.state == "promised"}
    for one in sent.materials:
        until = open_until.get(one.material_id)
        if one.promise or until is None or until < today():
            raise NothingPromised
    if sent.form or sent.answers:
        raise NothingPromised
    guide = await items.get_guide(session, case.item_id, case.item_version)
    whole = Application(
        read_json(session, case.answers), read_json(session, case.form), sent.materials
    )
    kept = {one.material_id for one in old}
    needed = await check_application(
        session, actor, guide, case.applicant_type, whole, present=kept
    )
    step(case.state, Action.SUPPLY)
    remark(session, case, str(Action.SUPPLY), actor)
    rows = await _replace(session, case, old, needed, sent.materials)
    await record(session, CaseCorrected(**facts(case)))
    await announce_claims(session, case, rows)


async def _replace(
    session: AsyncSession,
    case: Case,
    old: Sequence[CaseMaterial],
    needed: Sequence[Mapping[str, Any]],
    given: Sequence[Given],
) -> list[CaseMaterial]:
    """Sent ones replace; those the new answers no longer ask for go; fetched ones appear."""
    sent = {one.material_id for one in given}
    wanted = {one["material_id"]: one for one in needed}
    present = set()
    for one in old:
        if one.material_id in sent or one.material_id not in wanted:
            one.replaced_at = now()
        else:
            present.add(one.material_id)
    await session.flush()
    missing = [m for name, m in wanted.items() if name not in present | sent]
    return add_materials(session, case, [*missing, *(wanted[name] for name in sent)], given)


async def _end(
    session: AsyncSession, case: Case, action: Action, actor: Actor | None, reason: str
) -> None:
    move(session, case, action, actor, note=reason)
    await cancel_task(session, case, str(action))
    await stop_clocks(session, case)
    case.ended_at = now()
    if case.case_no is not None:
        event = CaseReturned if action is Action.RETURN_OVERDUE else CaseWithdrawn
        await record(session, event(**facts(case)))


def _over(before: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    both = {**before, **changes}
    return {name: value for name, value in both.items() if value is not None}
