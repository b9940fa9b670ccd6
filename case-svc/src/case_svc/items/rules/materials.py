"""Which materials an application needs, by the answers given; the same rules as the precheck's."""

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any, Final, NamedTuple

Guide = Mapping[str, Any]
Material = Mapping[str, Any]
Truth = Callable[[str, Mapping[str, Any]], bool]


class MaterialSource(StrEnum):
    APPLICANT = "applicant"
    CERTIFICATE = "certificate"
    SHARED_DATA = "shared_data"


class SourceRule(NamedTuple):
    """Who brings a material of this source, and whether a certificate may stand in for it."""

    brought_by_applicant: bool
    claimable: bool


SOURCES: Final[Mapping[MaterialSource, SourceRule]] = {
    MaterialSource.APPLICANT: SourceRule(brought_by_applicant=True, claimable=False),
    MaterialSource.CERTIFICATE: SourceRule(brought_by_applicant=True, claimable=True),
    MaterialSource.SHARED_DATA: SourceRule(brought_by_applicant=False, claimable=False),
}


def answered(guide: Guide, answers: Mapping[str, Any], applicant_type: str) -> dict[str, Any]:
    """Every question's default, the given answers over it, and who applies."""
    defaults = {question["question_id"]: question["default"] for question in guide["questions"]}
    return {**defaults, **answers, "applicant_type": applicant_type}


def unknown_answers(guide: Guide, answers: Mapping[str, Any]) -> dict[str, str]:
    """Question → `unknown_question` or `unknown_option`."""
    offered = {
        question["question_id"]: [option["value"] for option in question["options"]]
        for question in guide["questions"]
    }
    return {
        question: "unknown_option" if question in offered else "unknown_question"
        for question, value in answers.items()
        if value not in offered.get(question, ())
    }


def needed(guide: Guide, answers: Mapping[str, Any], truth: Truth) -> list[Material]:
    """The materials of this situation, in the guide's order."""
    return [
        material
        for material in guide["materials"]
        if material.get("when") is None or truth(material["when"], answers)
    ]


def is_fetched(material: Material) -> bool:
    """Whether the authority fetches the material itself."""
    return not SOURCES[MaterialSource(material["source"])].brought_by_applicant


def must_be_given(material: Material) -> bool:
    """What the applicant herself has to bring, or, where gaps are allowed (容缺), to promise."""
    return bool(material["need"] != "optional" and not is_fetched(material))


def may_be_claimed(material: Material) -> bool:
    """Whether a certificate the government issued may stand in for it."""
    source = SOURCES[MaterialSource(material["source"])]
    return bool(source.claimable and material.get("certificate_type"))
