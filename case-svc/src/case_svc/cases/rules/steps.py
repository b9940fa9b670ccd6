"""Which step follows which: acceptance, the guide's review steps in order, decision."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from case_svc.clocks.rules.legal_time import Limit, Unit

Guide = Mapping[str, Any]
ACCEPTANCE: Final = "acceptance"
DECISION: Final = "decision"


class Stage(StrEnum):
    ACCEPTANCE = "acceptance"
    REVIEW = "review"
    DECISION = "decision"


class Verdict(StrEnum):
    AGREE = "agree"
    DISAGREE = "disagree"
    RETURN = "return"


@dataclass(frozen=True)
class Step:
    step_id: str
    stage: Stage
    name: str
    post: str | None
    limit: Limit
    department_code: str | None
    checks: tuple[Mapping[str, Any], ...]


def steps(guide: Guide) -> list[Step]:
    """The guide's steps in its order; what the guide forgot to limit gets one working day."""
    return [_step(step) for step in guide["steps"]]


def first(guide: Guide) -> Step:
    return next(_step(step) for step in guide["steps"] if step["stage"] == Stage.ACCEPTANCE)


def decision(guide: Guide) -> Step:
    return next(_step(step) for step in guide["steps"] if step["stage"] == Stage.DECISION)


def find(guide: Guide, step_id: str) -> Step:
    return next(_step(step) for step in guide["steps"] if step["step_id"] == step_id)


def after(guide: Guide, step_id: str) -> Step | None:
    """The step that follows, none after the decision."""
    order = [first(guide), *reviews(guide), decision(guide)]
    place = [step.step_id for step in order].index(step_id)
    return order[place + 1] if place + 1 < len(order) else None


def after_opinion(guide: Guide, step_id: str, verdict: Verdict) -> Step:
    """Agreement goes on, disagreement goes to the decision, a return one review step back.

    Acceptance is over once given, so a return from the first review step opens the same again.
    """
    if verdict is Verdict.DISAGREE:
        return decision(guide)
    order = reviews(guide)
    place = [step.step_id for step in order].index(step_id)
    if verdict is Verdict.RETURN:
        return order[max(place - 1, 0)]
    return order[place + 1] if place + 1 < len(order) else decision(guide)


def reviews(guide: Guide) -> list[Step]:
    return [step for step in steps(guide) if step.stage is Stage.REVIEW]


def is_joint(guide: Guide) -> bool:
    """Whether more than one department takes part (行政许可法 26, 42 §2)."""
    lead = guide["department"]["code"]
    return any(step.department_code not in (None, lead) for step in steps(guide))


def missing_checks(step: Step, passed: Mapping[str, bool]) -> list[str]:
    """Required checks nobody answered."""
    required = [check["check_id"] for check in step.checks if check.get("required")]
    return [check_id for check_id in required if check_id not in passed]


def unknown_checks(step: Step, passed: Mapping[str, bool]) -> list[str]:
    offered = {check["check_id"] for check in step.checks}
    return [check_id for check_id in passed if check_id not in offered]


def _step(step: Mapping[str, Any]) -> Step:
    limit = step.get("limit") or {"value": 1, "unit": "working_day"}
    return Step(
        step_id=step["step_id"],
        stage=Stage(step["stage"]),
        name=step["name"],
        post=step.get("post"),
        limit=Limit(int(limit["value"]), Unit(limit["unit"])),
        department_code=step.get("department_code"),
        checks=tuple(step.get("checks") or ()),
    )
