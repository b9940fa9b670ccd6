import pytest

from catalog_svc.items.rules import precheck
from chassis.expressions import truth

from .factories import guide, material

LOCAL = {"household": "local"}
OTHER = {"household": "other"}


def with_two_questions():
    second = {
        "question_id": "income",
        "text": "收入低于标准？",
        "options": [{"value": "yes", "label": "是"}, {"value": "no", "label": "否"}],
        "default": "yes",
    }
    both = {
        "condition_id": "c3",
        "text": "收入",
        "expression": "income == 'yes'",
        "questions": ["income"],
        "reason_zh": "收入高",
        "reason_en": "income too high",
    }
    base = guide()
    return base | {
        "questions": [*base["questions"], second],
        "conditions": [*base["conditions"], both],
    }


@pytest.mark.parametrize(
    ("answers", "eligible"),
    [
        ({}, None),
        (LOCAL, None),
        (OTHER, False),  # one certain no decides, whatever is open
        (LOCAL | {"income": "yes"}, True),
        (LOCAL | {"income": "no"}, False),
        ({"income": "no"}, False),
        ({"income": "yes"}, None),
    ],
)
def test_eligibility_waits_for_what_decides_it(answers, eligible):
    result = precheck.eligibility(with_two_questions(), answers, "natural_person", truth)
    assert result.eligible is eligible


def test_an_unmet_condition_says_why_in_both_languages():
    result = precheck.eligibility(guide(), OTHER, "natural_person", truth)
    reason = next(reason for reason in result.reasons if reason.condition_id == "c1")
    assert (reason.outcome, reason.zh, reason.en) == (
        "unmet",
        "非本地户籍",
        "not of a local household",
    )
    assert [reason.outcome for reason in result.reasons] == ["met", "unmet", "told"]


def test_another_kind_of_applicant_is_not_eligible():
    assert precheck.eligibility(guide(), LOCAL, "enterprise", truth).eligible is False


def test_without_conditions_decided_by_machine_everybody_served_is_eligible():
    plain = guide(conditions=[], questions=[])
    assert precheck.eligibility(plain, {}, "natural_person", truth).eligible is True


@pytest.mark.parametrize(
    ("answers", "expected"), [({}, ["m1"]), (LOCAL, ["m1"]), (OTHER, ["m1", "m2"])]
)
def test_unanswered_questions_take_their_default_for_materials(answers, expected):
    content = guide()
    context = precheck.answers_context(content, answers, "natural_person")
    materials = precheck.materials(content, context, truth)
    assert [material["material_id"] for material in materials] == expected


def test_materials_may_depend_on_the_applicant():
    content = guide(materials=[material(when="applicant_type == 'enterprise'")])
    context = precheck.answers_context(content, {}, "enterprise")
    assert precheck.materials(content, context, truth)
    assert not precheck.materials(content, context | {"applicant_type": "natural_person"}, truth)


def test_answers_nobody_asked_for_are_named():
    wrong = precheck.wrong_answers(guide(), {"household": "mars", "shoe_size": "43"})
    assert [(answer.question_id, answer.code) for answer in wrong] == [
        ("household", "unknown_option"),
        ("shoe_size", "unknown_question"),
    ]
    assert precheck.wrong_answers(guide(), LOCAL) == []
