"""What an applicant's answers lead to: whether she may apply, and with which materials."""

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
    """Answers to questions that the guide does not ask, or with values that it does not offer."""
    options = {q["question_id"]: [o["value"] for o in q["options"]] for q in guide["questions"]}
    wrong = []
    for question_id, value in answers.items():
        if question_id not in options:
            wrong.append(WrongAnswer(question_id, "unknown_question", list(options)))
        elif value not in options[question_id]:
            wrong.append(WrongAnswer(question_id, "unknown_option", options[question_id]))
    return wrong


def answers_context(
    guide: Guide, answers: Mapping[str, Any], applicant_type: str
) -> dict[str, Any]:
    """The names that expressions can use: the answers or their defaults, and the applicant."""
    defaults = {q["question_id"]: q["default"] for q in guide["questions"]}
    return {**defaults, **answers, "applicant_type": applicant_type}


def materials(guide: Guide, context: Mapping[str, Any], truth: Truth) -> list[Mapping[str, Any]]:
    """The materials of this situation, in the guide's order."""
    return [m for m in guide["materials"] if m.get("when") is None or truth(m["when"], context)]


def eligibility(
    guide: Guide, answers: Mapping[str, Any], applicant_type: str, truth: Truth
) -> Eligibility:
    """One unmet condition decides, whatever is still unanswered."""
    context = answers_context(guide, answers, applicant_type)
    is_served = applicant_type in guide["audience"]
    audience = Reason(
        condition_id="audience",
        text="、".join(guide["audience"]),
        outcome="met" if is_served else "unmet",
        zh="属于本事项的服务对象" if is_served else "不属于本事项的服务对象",
        en="The item serves this kind of applicant."
        if is_served
        else "The item does not serve this kind of applicant.",
    )
    reasons = [audience]
    reasons += [judge(condition, answers, context, truth) for condition in guide["conditions"]]
    outcomes = {reason.outcome for reason in reasons}
    if "unmet" in outcomes:
        return Eligibility(False, reasons)
    return Eligibility(None if "unanswered" in outcomes else True, reasons)


def judge(
    condition: Mapping[str, Any],
    answers: Mapping[str, Any],
    context: Mapping[str, Any],
    truth: Truth,
) -> Reason:
    """The outcome of one condition; one without an expression is left to the officer."""
    expression = condition.get("expression")
    outcome: Outcome
    if expression is None:
        outcome = "told"
    elif any(question not in answers for question in condition.get("questions") or ()):
        outcome = "unanswered"
    else:
        outcome = "met" if truth(expression, context) else "unmet"
    zh, en = _SENTENCES.get(outcome) or (condition["reason_zh"], condition["reason_en"])
    return Reason(condition["condition_id"], condition["text"], outcome, zh, en)


_SENTENCES: Mapping[Outcome, tuple[str, str]] = {
    "met": ("符合", "Met."),
    "unanswered": ("请先回答相关问题", "Answer the questions that decide this first."),
    "told": ("由受理人员审核", "Checked by the officer."),
}
