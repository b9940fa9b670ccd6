"""What this applicant's answers lead to: may she apply, and with which materials."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

Truth = Callable[[str, Mapping[str, Any]], bool]
Guide = Mapping[str, Any]
Outcome = Literal["met", "unmet", "unanswered", "told"]


@dataclass(frozen=True)
class Reason:
    condition_id: str
    text: str
    outcome: Outcome
    zh: str
    en: str


@dataclass(frozen=True)
class Eligibility:
    """`eligible` is None until every question that decides it is answered."""

    eligible: bool | None
    reasons: Sequence[Reason]


@dataclass(frozen=True)
class WrongAnswer:
    question_id: str
    code: Literal["unknown_question", "unknown_option"]
    options: Sequence[str] = ()


def wrong_answers(guide: Guide, answers: Mapping[str, Any]) -> list[WrongAnswer]:
    """Answers to questions that were not asked, or with values that were not offered."""
    offered = {q["question_id"]: [o["value"] for o in q["options"]] for q in guide["questions"]}
    wrong = []
    for question_id, value in answers.items():
        if question_id not in offered:
            wrong.append(WrongAnswer(question_id, "unknown_question", list(offered)))
        elif value not in offered[question_id]:
            wrong.append(WrongAnswer(question_id, "unknown_option", offered[question_id]))
    return wrong


def facts(guide: Guide, answers: Mapping[str, Any], applicant_type: str) -> dict[str, Any]:
    """What expressions see: every question's default, the given answers over it, the applicant."""
    defaults = {q["question_id"]: q["default"] for q in guide["questions"]}
    return {**defaults, **answers, "applicant_type": applicant_type}


def materials(guide: Guide, known: Mapping[str, Any], truth: Truth) -> list[Mapping[str, Any]]:
    """The materials of this situation, in the guide's order."""
    return [m for m in guide["materials"] if m.get("when") is None or truth(m["when"], known)]


def eligibility(
    guide: Guide, answers: Mapping[str, Any], applicant_type: str, truth: Truth
) -> Eligibility:
    """Unmet beats unanswered: one certain no decides, whatever is still open."""
    known = facts(guide, answers, applicant_type)
    reasons = [_audience(guide, applicant_type)]
    reasons += [_judge(condition, answers, known, truth) for condition in guide["conditions"]]
    outcomes = {reason.outcome for reason in reasons}
    if "unmet" in outcomes:
        return Eligibility(False, reasons)
    return Eligibility(None if "unanswered" in outcomes else True, reasons)


def _audience(guide: Guide, applicant_type: str) -> Reason:
    served = applicant_type in guide["audience"]
    return Reason(
        condition_id="audience",
        text="、".join(guide["audience"]),
        outcome="met" if served else "unmet",
        zh="属于本事项的服务对象" if served else "不属于本事项的服务对象",
        en="The item serves this kind of applicant."
        if served
        else "The item does not serve this kind of applicant.",
    )


def _judge(
    condition: Mapping[str, Any], answers: Mapping[str, Any], known: Mapping[str, Any], truth: Truth
) -> Reason:
    outcome = _outcome(condition, answers, known, truth)
    if outcome == "unmet":
        zh, en = condition["reason_zh"], condition["reason_en"]
    else:
        zh, en = _TOLD[outcome]
    return Reason(condition["condition_id"], condition["text"], outcome, zh, en)


def _outcome(
    condition: Mapping[str, Any], answers: Mapping[str, Any], known: Mapping[str, Any], truth: Truth
) -> Outcome:
    expression = condition.get("expression")
    if expression is None:
        return "told"
    if any(question not in answers for question in condition.get("questions") or ()):
        return "unanswered"
    return "met" if truth(expression, known) else "unmet"


_TOLD: Mapping[Outcome, tuple[str, str]] = {
    "met": ("符合", "Met."),
    "unanswered": ("请先回答相关问题", "Answer the questions that decide this first."),
    "told": ("由受理人员审核", "Checked by the officer."),
}
