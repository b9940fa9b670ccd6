"""Who may do what with a case or a task; roles as `api.md` row 10 gives them."""

from datetime import datetime
from typing import Final

from case_svc.cases import regions
from case_svc.cases.errors import NotYourStep, TransferNotPermitted
from case_svc.cases.lifecycle import Action, allowed
from case_svc.cases.models import Case, CaseMaterial, CaseTask
from case_svc.cases.steps import Stage
from chassis.auth import Actor

PLATFORM: Final = "platform_admin"
_STAGE_ROLES: Final = {
    Stage.ACCEPTANCE: frozenset({"clerk", PLATFORM}),
    Stage.REVIEW: frozenset({"clerk", "decider", PLATFORM}),
    Stage.DECISION: frozenset({"decider"}),
}
_ON_THE_SPOT: Final = frozenset({"clerk", "decider"})
_EXTENDING: Final = frozenset({"decider", PLATFORM})
_MANAGING: Final = frozenset({"department_admin", PLATFORM})
_AT_STAGE: Final = {
    Stage.ACCEPTANCE: (Action.ACCEPT, Action.REQUEST_CORRECTION, Action.DECLINE),
    Stage.REVIEW: (Action.REVIEW, Action.SUSPEND, Action.RESUME, Action.EXTEND),
    Stage.DECISION: (Action.DECIDE, Action.SUSPEND, Action.RESUME, Action.EXTEND),
}


def may_finish(actor: Actor, stage: Stage, case: Case) -> bool:
    """Whoever accepted a case does not decide it; of an immediate item the acceptor may."""
    accepted = case.accepted_by is not None and case.accepted_by == actor.id
    if stage is Stage.DECISION and accepted:
        return case.is_immediate and decides_on_the_spot(actor.roles)
    return bool(actor.roles & _STAGE_ROLES[stage])


def decides_on_the_spot(roles: frozenset[str]) -> bool:
    """Whether who accepted an immediate item goes on to decide it."""
    return bool(roles & _ON_THE_SPOT)


def roles_may_finish(roles: frozenset[str], stage: Stage) -> bool:
    return bool(roles & _STAGE_ROLES[stage])


def may_take(actor: Actor, action: Action, case: Case, stage: Stage) -> bool:
    """Whether the role permits the action while a task of this stage is present."""
    if action is Action.EXTEND:
        return bool(actor.roles & _EXTENDING)
    if action in (Action.SUSPEND, Action.RESUME):
        return bool(actor.roles & _STAGE_ROLES[Stage.REVIEW]) or may_finish(actor, stage, case)
    return may_finish(actor, stage_of(action), case)


def ensure_may_take(actor: Actor, action: Action, case: Case, task: CaseTask | None) -> None:
    stage = Stage(task.stage) if task else Stage.REVIEW
    if not may_take(actor, action, case, stage):
        raise NotYourStep(step=task.name if task else str(action))


def blocks(case: Case, material: CaseMaterial) -> bool:
    """Whether this claim keeps the case from being accepted.

    Who brought all that the notice asked for is done (许可法 32(5)): what failed before the notice
    and was not named in it no longer counts against the applicant.
    """
    if material.state == "pending":
        return True
    if material.state != "failed" or not material.required:
        return False
    if case.correction is None:
        return True
    return material.given_at > datetime.fromisoformat(case.correction["noticed_at"])


def stage_of(action: Action) -> Stage:
    if action is Action.REVIEW:
        return Stage.REVIEW
    return Stage.DECISION if action is Action.DECIDE else Stage.ACCEPTANCE


def may_manage(actor: Actor) -> bool:
    return bool(actor.roles & _MANAGING)


def ensure_may_transfer(actor: Actor) -> None:
    if not may_manage(actor):
        raise TransferNotPermitted


def in_hand(actor: Actor, task: CaseTask) -> bool:
    """Held by the actor, or opened to the actor and not taken by anyone else meanwhile.

    Who moved to another department or region has left the task behind.
    """
    return _is_given(actor, task) and same_place(actor, task.department_code, task.region_code)


def _is_given(actor: Actor, task: CaseTask) -> bool:
    if task.status == "held":
        return task.holder_id == actor.id
    return task.status == "open" and task.opened_to == actor.id


def same_place(actor: Actor, department_code: str, region_code: str) -> bool:
    if actor.has(PLATFORM):
        return True
    if not actor.region:
        return False
    return actor.department == department_code and regions.covers(actor.region, region_code)


def staff_actions(actor: Actor, case: Case, task: CaseTask | None, *, blocked: bool) -> list[str]:
    """What this officer may do now; `blocked`: claims keep the case from being accepted.

    Nothing for the department that leads the case while the step is another's.
    """
    if task is None or not same_place(actor, task.department_code, task.region_code):
        return []
    given = _is_given(actor, task)
    found = _moves(actor, case, Stage(task.stage), blocked=blocked) if given else []
    if task.status == "open" and may_finish(actor, Stage(task.stage), case):
        found.append("claim")
    if task.is_taken and (given or may_manage(actor)):
        found.append("release")
    if task.status in ("open", "held") and may_manage(actor):
        found.append("transfer")
    return found


def _moves(actor: Actor, case: Case, stage: Stage, *, blocked: bool) -> list[str]:
    """What carries the case on, for who has its task in hand."""
    open_now = allowed(case.state)
    found = [
        str(action)
        for action in _AT_STAGE[stage]
        if action in open_now and may_take(actor, action, case, stage)
    ]
    if blocked and Action.ACCEPT in found:
        found.remove(Action.ACCEPT)
    if case.correction is not None and Action.REQUEST_CORRECTION in found:
        found.remove(Action.REQUEST_CORRECTION)
    if case.extension is not None and Action.EXTEND in found:
        found.remove(Action.EXTEND)
    return found


def applicant_actions(case: Case, powers: frozenset[str], *, owes: bool) -> list[str]:
    """What the applicant's side may do now; `owes`: a promised material can still be brought."""
    open_now = allowed(case.state)
    found = []
    if Action.SUBMIT in open_now and "apply" in powers:
        found.append(str(Action.SUBMIT))
    correcting = Action.CORRECT in open_now or (owes and Action.SUPPLY in open_now)
    if correcting and "correct" in powers:
        found.append(str(Action.CORRECT))
    if Action.WITHDRAW in open_now and "withdraw" in powers:
        found.append(str(Action.WITHDRAW))
    return found
