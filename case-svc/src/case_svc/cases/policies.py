"""Who may do what with a case or a task.

A clerk accepts and reviews, a decider reviews, extends and decides, a department's administrator
transfers, the platform's does everything but deciding. A Protocol names what the rules read, so
that rows of a view can be judged like entities.
"""

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Any, Final, Protocol
from uuid import UUID

from case_svc.cases.errors import StepNotPermitted, TransferNotPermitted
from case_svc.cases.rules import regions
from case_svc.cases.rules.lifecycle import (
    PRESENT,
    Action,
    MaterialState,
    State,
    TaskStatus,
    allowed,
)
from case_svc.cases.rules.steps import Stage
from case_svc.parties.rules.powers import Power
from chassis.auth import Actor
from chassis.clock import today

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
_STAGE_OF: Final = {Action.REVIEW: Stage.REVIEW, Action.DECIDE: Stage.DECISION}


class CaseFacts(Protocol):
    """What the rules read of a case."""

    @property
    def status(self) -> str: ...
    @property
    def project_type(self) -> str: ...
    @property
    def accepted_by(self) -> UUID | None: ...
    @property
    def correction(self) -> Mapping[str, Any] | None: ...
    @property
    def extension(self) -> Mapping[str, Any] | None: ...


class TaskFacts(Protocol):
    """What the rules read of a task."""

    @property
    def status(self) -> str: ...
    @property
    def stage(self) -> str: ...
    @property
    def holder_id(self) -> UUID | None: ...
    @property
    def opened_to(self) -> UUID | None: ...
    @property
    def department_code(self) -> str: ...
    @property
    def region_code(self) -> str: ...


class MaterialFacts(Protocol):
    """What the rules read of a material."""

    @property
    def state(self) -> str: ...
    @property
    def required(self) -> bool: ...
    @property
    def given_at(self) -> datetime: ...
    @property
    def promised_until(self) -> date | None: ...


def may_finish(actor: Actor, stage: Stage, case: CaseFacts) -> bool:
    """Whoever accepted a case does not decide it; of an immediate item the acceptor may."""
    if stage is Stage.DECISION and case.accepted_by == actor.id:
        return is_immediate(case) and decides_on_the_spot(actor.roles)
    return roles_may_finish(actor.roles, stage)


def is_immediate(case: CaseFacts) -> bool:
    return case.project_type == "immediate"


def decides_on_the_spot(roles: frozenset[str]) -> bool:
    """Whether who accepted an immediate item goes on to decide it."""
    return bool(roles & _ON_THE_SPOT)


def roles_may_finish(roles: frozenset[str], stage: Stage) -> bool:
    return bool(roles & _STAGE_ROLES[stage])


def may_take(actor: Actor, action: Action, case: CaseFacts, stage: Stage) -> bool:
    """Whether the role permits the action while a task of this stage is present."""
    if action is Action.EXTEND:
        return bool(actor.roles & _EXTENDING)
    if action in (Action.SUSPEND, Action.RESUME):
        return roles_may_finish(actor.roles, Stage.REVIEW) or may_finish(actor, stage, case)
    return may_finish(actor, _STAGE_OF.get(action, Stage.ACCEPTANCE), case)


def ensure_may_take(actor: Actor, action: Action, case: CaseFacts, stage: Stage, name: str) -> None:
    if not may_take(actor, action, case, stage):
        raise StepNotPermitted(step=name)


def blocks(case: CaseFacts, material: MaterialFacts) -> bool:
    """Whether this claim keeps the case from being accepted.

    An applicant who supplied all that the notice asked for has done enough (许可法 32(5)): what
    failed before the notice and was not named in it no longer counts against the applicant.
    """
    if material.state == MaterialState.PENDING:
        return True
    if material.state != MaterialState.FAILED or not material.required:
        return False
    if case.correction is None:
        return True
    return material.given_at > datetime.fromisoformat(case.correction["noticed_at"])


def has_open_promise(materials: Iterable[MaterialFacts]) -> bool:
    """Whether a promised material can still be brought."""
    return any(
        material.state == MaterialState.PROMISED
        and material.promised_until is not None
        and material.promised_until >= today()
        for material in materials
    )


def may_manage(actor: Actor) -> bool:
    return bool(actor.roles & _MANAGING)


def ensure_may_transfer(actor: Actor) -> None:
    if not may_manage(actor):
        raise TransferNotPermitted


def in_hand(actor: Actor, task: TaskFacts) -> bool:
    """Held by the actor, or opened to the actor and not taken by anyone else meanwhile.

    An officer who moved to another department or region has left the task behind.
    """
    return _is_assigned(actor, task) and same_place(actor, task.department_code, task.region_code)


def is_taken(task: TaskFacts) -> bool:
    """Whether somebody has the task, or may go on with it without claiming."""
    opened = task.status == TaskStatus.OPEN and task.opened_to is not None
    return task.status == TaskStatus.HELD or opened


def same_place(actor: Actor, department_code: str, region_code: str) -> bool:
    if actor.has(PLATFORM):
        return True
    if not actor.region:
        return False
    return actor.department == department_code and regions.covers(actor.region, region_code)


def staff_actions(
    actor: Actor, case: CaseFacts, task: TaskFacts | None, *, blocked: bool
) -> list[str]:
    """What this officer may do now; `blocked`: claims keep the case from being accepted.

    Nothing for the department that leads the case while the step is another's.
    """
    if task is None or task.status not in PRESENT:
        return []
    if not same_place(actor, task.department_code, task.region_code):
        return []
    stage, assigned = Stage(task.stage), _is_assigned(actor, task)
    actions = _case_actions(actor, case, stage, blocked=blocked) if assigned else []
    if task.status == TaskStatus.OPEN and may_finish(actor, stage, case):
        actions.append("claim")
    if is_taken(task) and (assigned or may_manage(actor)):
        actions.append("release")
    if may_manage(actor):
        actions.append("transfer")
    return actions


def applicant_actions(
    status: str, powers: frozenset[str], materials: Iterable[MaterialFacts]
) -> list[str]:
    """What the applicant's side may do now, by the powers of who acts for it."""
    possible = allowed(State(status))
    correcting = Action.CORRECT in possible or (
        Action.SUPPLY in possible and has_open_promise(materials)
    )
    offers = (
        (Action.SUBMIT, Action.SUBMIT in possible and Power.APPLY in powers),
        (Action.CORRECT, correcting and Power.CORRECT in powers),
        (Action.WITHDRAW, Action.WITHDRAW in possible and Power.WITHDRAW in powers),
    )
    return [str(action) for action, offered in offers if offered]


def _case_actions(actor: Actor, case: CaseFacts, stage: Stage, *, blocked: bool) -> list[str]:
    """What carries the case on, for who has its task in hand."""
    possible = allowed(State(case.status))
    used_up = {
        Action.ACCEPT: blocked,
        Action.REQUEST_CORRECTION: case.correction is not None,
        Action.EXTEND: case.extension is not None,
    }
    return [
        str(action)
        for action in _AT_STAGE[stage]
        if action in possible and not used_up.get(action) and may_take(actor, action, case, stage)
    ]


def _is_assigned(actor: Actor, task: TaskFacts) -> bool:
    if task.status == TaskStatus.HELD:
        return task.holder_id == actor.id
    return task.status == TaskStatus.OPEN and task.opened_to == actor.id
