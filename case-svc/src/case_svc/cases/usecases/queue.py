"""Tasks as the work queue shows them: with lights, and with what this officer may do."""

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from sqlalchemy.ext.asyncio import AsyncSession

from case_svc.cases import policies
from case_svc.cases.clock import Calendar, Light
from case_svc.cases.models import Case, CaseTask
from case_svc.cases.queries.cases import blocked_cases
from case_svc.cases.steps import Stage
from case_svc.cases.usecases.moves import settings_of
from case_svc.cases.usecases.timing import lights_of
from chassis.auth import Actor
from chassis.errors import Forbidden


class Shown(NamedTuple):
    task: CaseTask
    case: Case
    light: Light
    actions: Sequence[str]


def ensure_scope(actor: Actor, scope: str) -> None:
    """The whole department's queue is for who manages it."""
    if scope == "department" and not policies.may_manage(actor):
        raise Forbidden


async def look(
    session: AsyncSession, actor: Actor, pairs: Sequence[tuple[CaseTask, Case]], calendar: Calendar
) -> list[Shown]:
    """Claims keep from acceptance only what the officer could accept now."""
    days = settings_of(session).light_warning_days
    lights = lights_of(calendar, pairs, warning_days=days)
    in_hand = [
        case
        for task, case in pairs
        if task.stage == Stage.ACCEPTANCE and policies.in_hand(actor, task)
    ]
    blocked = await blocked_cases(session, in_hand) if in_hand else set()
    return [
        Shown(task, case, light, _actions(actor, task, case, blocked=case.case_id in blocked))
        for (task, case), light in zip(pairs, lights, strict=True)
    ]


def _actions(actor: Actor, task: CaseTask, case: Case, *, blocked: bool) -> Sequence[str]:
    if isinstance(task, tuple):  # a line of the queue, which cannot change
        return _kept_actions(actor, task, case, blocked=blocked)
    return _worked_out(actor, task, case, blocked=blocked)


def _worked_out(actor: Actor, task: CaseTask, case: Case, *, blocked: bool) -> Sequence[str]:
    if task.status not in ("open", "held"):
        return ()
    return tuple(policies.staff_actions(actor, case, task, blocked=blocked))


_kept_actions = lru_cache(maxsize=4096)(_worked_out)
