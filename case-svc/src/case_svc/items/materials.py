"""Which materials an application needs, by the answers given; the same rules as the precheck's."""

from collections.abc import Callable, Mapping
from typing import Any

Guide = Mapping[str, Any]
Truth = Callable[[str, Mapping[str, Any]], bool]


def answered(guide: Guide, answers: Mapping[str, Any], applicant_type: str) -> dict[str, Any]:
    """Every question's default, the given answers over it, and who applies."""
    defaults = {one["question_id"]: one["default"] for one in guide["questions"]}
    return {**defaults, **answers, "applicant_type": applicant_type}


def unknown_answers(guide: Guide, answers: Mapping[str, Any]) -> dict[str, str]:
    """Question → `unknown_question` or `unknown_option`."""
    offered = {
        one["question_id"]: [option["value"] for option in one["options"]]
        for one in guide["questions"]
    }
    return {
        question: "unknown_option" if question in offered else "unknown_question"
        for question, value in answers.items()
        if value not in offered.get(question, ())
    }


def needed(guide: Guide, known: Mapping[str, Any], truth: Truth) -> list[Mapping[str, Any]]:
    """The materials of this situation, in the guide's order."""
    return [
        one for one in guide["materials"] if one.get("when") is None or truth(one["when"], known)
    ]


def must_be_given(material: Mapping[str, Any]) -> bool:
    """What the applicant herself has to bring, or, where gaps are allowed (容缺), to promise."""
    return bool(material["need"] != "optional" and material["source"] != "shared_data")


def may_be_claimed(material: Mapping[str, Any]) -> bool:
    """Whether a certificate the government issued may stand in for it."""
    return bool(material["source"] == "certificate" and material.get("certificate_type"))
