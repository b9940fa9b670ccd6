"""What the applicant sends after submission, and how a case ends when it does not come."""

from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

from sqlalchemy import select

from case_svc.cases.errors import IllegalMove
from case_svc.cases.events import CaseCorrected, CaseReturned, CaseWithdrawn
from case_svc.cases.models import Case, CaseMaterial
from case_svc.cases.policies import has_open_promise
from case_svc.cases.queries import lock_overdue_cases, materials_of, powers_of
from case_svc.cases.rules import steps
from case_svc.cases.rules.lifecycle import Action, MaterialState, State, allowed, possible, step
from case_svc.cases.usecases import (
    add_history_entry,
    cancel_task,
    event_fields,
    open_case,
    open_task,
    start_clock,
    stop_clocks,
    transition,
)
from case_svc.clocks.queries import load_calendar
from case_svc.clocks.rules.legal_time import ClockKind, Limit, Unit
from case_svc.intake.errors import (
    InsufficientMandate,
    NotApplicant,
    NothingPromised,
    SubmissionInvalid,
)
from case_svc.intake.rules.applications import Application
from case_svc.intake.usecases.eligibility import check_application
from case_svc.intake.usecases.materials import add_materials, announce_claims
from case_svc.intake.usecases.submission import application_of, write_application
from case_svc.items.queries import get_guide
from case_svc.items.rules.materials import Material
from case_svc.parties.rules.powers import Power
from case_svc.settings import settings_of
from chassis.auth import Actor
from chassis.clock import now, today
from chassis.database.sessions import WriteSession
from chassis.errors import FieldError
from chassis.outbox import record

PER_TURN = 100
_LAPSING = [state for state in State if Action.LAPSE in allowed(state)]


async def correct_case(
    session: WriteSession, actor: Actor, case_id: UUID, sent: Application, match: str | None
) -> None:
    """Sent form keys, answers and materials replace the old ones; the whole is checked again.

    After submission, and while no correction is asked for, it supplies promised materials.
    """
    case = await _open_as_applicant(session, actor, case_id, match, Power.CORRECT)
    if not (sent.form or sent.answers or sent.materials):
        zh, en = "没有补正任何内容", "nothing is corrected"
        raise SubmissionInvalid([FieldError("", "empty", zh, en)])
    if case.state is State.CORRECTION_REQUIRED:
        await _correct(session, actor, case, sent)
    else:
        await _supply(session, actor, case, sent)


async def withdraw_case(
    session: WriteSession, actor: Actor, case_id: UUID, reason: str, match: str | None
) -> None:
    """Before the decision; nobody is asked why beyond the reason given."""
    case = await _open_as_applicant(session, actor, case_id, match, Power.WITHDRAW)
    await end_case(session, case, Action.WITHDRAW, actor, reason)


async def end_case(
    session: WriteSession, case: Case, action: Action, actor: Actor | None, reason: str
) -> None:
    """Withdrawn, or returned (退件) when the correction did not come in time."""
    transition(session, case, action, actor, note=reason)
    await cancel_task(session, case, str(action))
    await stop_clocks(session, case)
    case.ended_at = now()
    if case.case_no is not None:
        event = CaseReturned if action is Action.RETURN_OVERDUE else CaseWithdrawn
        await record(session, event(**event_fields(case)))


async def end_overdue_corrections(session: WriteSession) -> None:
    """Returned or taken as withdrawn, as the setting says."""
    returned = settings_of(session).overdue_correction == "returned"
    action = Action.RETURN_OVERDUE if returned else Action.LAPSE
    for case in await lock_overdue_cases(
        session, ClockKind.CORRECTION, State.CORRECTION_REQUIRED, limit=PER_TURN
    ):
        await end_case(session, case, action, None, "overdue_supplement")


async def end_overdue_promises(session: WriteSession) -> None:
    """容缺: what was promised and not brought in time counts as withdrawn."""
    if not settings_of(session).overdue_promise_withdraws:
        return
    late = select(CaseMaterial.case_id).where(
        CaseMaterial.state == MaterialState.PROMISED,
        CaseMaterial.is_present,
        CaseMaterial.promised_until < today(),
    )
    statement = (
        select(Case)
        .where(Case.case_id.in_(late), Case.status.in_(_LAPSING))
        .limit(PER_TURN)
        .with_for_update(skip_locked=True)
    )
    for case in (await session.scalars(statement)).all():
        await end_case(session, case, Action.LAPSE, None, "overdue_promise")


async def _open_as_applicant(
    session: WriteSession, actor: Actor, case_id: UUID, match: str | None, power: Power
) -> Case:
    """403 for officers and for agents without this power; others do not see the case at all."""
    case = await open_case(session, actor, case_id, match)
    if actor.kind != "citizen":
        raise NotApplicant
    powers = await powers_of(session, actor, case.person_id, case.company_id, case.item_code)
    if power not in powers:
        raise InsufficientMandate(power=power)
    return case


async def _correct(session: WriteSession, actor: Actor, case: Case, sent: Application) -> None:
    assert case.correction is not None
    old = await materials_of(session, case.case_id)
    whole = application_of(session, case).changed(vars(sent))
    named = {lack["material_id"] for lack in case.correction["items"]}
    # Only what the notice named can be demanded (许可法 32(5)): a failed claim it named has to be
    # replaced, one it passed over stays the officer's to decide on.
    kept = {
        row.material_id
        for row in old
        if row.state != MaterialState.FAILED or row.material_id not in named
    }
    item = (case.item_id, case.item_version)
    needed = await check_application(session, actor, item, case.applicant_type, whole, present=kept)
    write_application(session, case, whole)
    await stop_clocks(session, case, {ClockKind.CORRECTION})
    transition(session, case, Action.CORRECT, actor)
    rows = _replace(session, case, old, needed, sent)
    case.correction = case.correction | {"corrected_at": now().isoformat()}
    # Complete materials are received today: the period to accept them begins anew.
    case.received_at = now()
    calendar = await load_calendar(session)
    limit = Limit(settings_of(session).notify_days, Unit.WORKING_DAY)
    start_clock(session, case, ClockKind.NOTIFY, limit, calendar, case.received_at)
    guide = await get_guide(session, *item)
    officer = UUID(case.correction["officer_id"])
    open_task(session, case, steps.first(guide), calendar, opened_to=officer)
    await record(session, CaseCorrected(**event_fields(case)))
    await announce_claims(session, case, rows)


async def _supply(session: WriteSession, actor: Actor, case: Case, sent: Application) -> None:
    """A promised material, until its due date; nothing else may be touched now."""
    old = await materials_of(session, case.case_id)
    if Action.SUPPLY not in allowed(case.state) or not has_open_promise(old):
        raise IllegalMove(case.state, Action.CORRECT, possible(case.state))
    promised = {row.material_id: row for row in old if has_open_promise([row])}
    unasked = [each for each in sent.materials if each.promise or each.material_id not in promised]
    if unasked or sent.form or sent.answers:
        raise NothingPromised
    needed = await check_application(
        session,
        actor,
        (case.item_id, case.item_version),
        case.applicant_type,
        replace(application_of(session, case), materials=sent.materials),
        present={row.material_id for row in old},
    )
    step(case.state, Action.SUPPLY)
    add_history_entry(session, case, Action.SUPPLY, actor)
    rows = _replace(session, case, old, needed, sent)
    await record(session, CaseCorrected(**event_fields(case)))
    await announce_claims(session, case, rows)


def _replace(
    session: WriteSession,
    case: Case,
    old: Sequence[CaseMaterial],
    needed: Sequence[Material],
    application: Application,
) -> list[CaseMaterial]:
    """Sent ones replace; those the new answers no longer ask for go; fetched ones appear."""
    sent = {each.material_id for each in application.materials}
    wanted = {material["material_id"]: material for material in needed}
    kept = set()
    for row in old:
        if row.material_id in sent or row.material_id not in wanted:
            row.replaced_at = now()
        else:
            kept.add(row.material_id)
    new = [material for material_id, material in wanted.items() if material_id not in kept]
    return add_materials(session, case, new, application.materials)
