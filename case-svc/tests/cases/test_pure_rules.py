"""Numbers, steps, regions, applications: small rules, each case by hand."""

from datetime import date
from uuid import UUID

import pytest

from case_svc.cases.rules import forms, regions, steps
from case_svc.cases.rules.steps import Stage, Verdict
from case_svc.intake.rules import applications, numbers
from case_svc.intake.rules.applications import SentMaterial

from ..factories import guide, material, step

TASK_CODE = "12441500196720244T3442199806003"
FILE = UUID(int=1)


class TestNumbers:
    def test_the_real_sample(self):
        beginning = numbers.prefix(task_code=TASK_CODE, region_code="4" * 12, item_code="x")
        assert numbers.case_number(beginning, date(2022, 6, 23), 68) == (
            "12441500196720244T3442199806003202206230068"
        )

    @pytest.mark.parametrize(
        ("item_code", "serial"),
        [
            ("512B0003600029-511602000000-000-11511301008778298W-1-00", "512B0003600029"),
            ("12abc", "12ABC"),
            ("---", "0"),
            ("", "0"),
            ("A" * 60, "A" * 20),
            ("区民政局", "0"),
        ],
    )
    def test_local_items_are_numbered_by_region_and_serial(self, item_code, serial):
        beginning = numbers.prefix(task_code=None, region_code="511602000000", item_code=item_code)
        assert beginning == "511602000000" + serial
        assert len(numbers.case_number(beginning, date(2026, 1, 2), 1)) <= 50

    @pytest.mark.parametrize("code", ["short", "x" * 31, TASK_CODE + "1"])
    def test_a_task_code_that_is_none_is_not_used(self, code):
        found = numbers.prefix(task_code=code, region_code="511602000000", item_code="7")
        assert found == "5116020000007"

    def test_sequence_grows_beyond_four_digits(self):
        assert numbers.case_number("5", date(2026, 1, 2), 12345) == "52026010212345"

    def test_never_more_than_fifty(self):
        with pytest.raises(ValueError, match="50"):
            numbers.case_number("x" * 40, date(2026, 1, 2), 1)


class TestSteps:
    @pytest.mark.parametrize(
        ("after", "following"),
        [("acceptance", "survey"), ("survey", "audit"), ("audit", "decision"), ("decision", None)],
    )
    def test_order(self, after, following):
        found = steps.after(guide(), after)
        assert (found.step_id if found else None) == following

    @pytest.mark.parametrize(
        ("at", "verdict", "following"),
        [
            ("survey", Verdict.AGREE, "audit"),
            ("survey", Verdict.DISAGREE, "decision"),
            ("survey", Verdict.RETURN, "survey"),
            ("audit", Verdict.AGREE, "decision"),
            ("audit", Verdict.DISAGREE, "decision"),
            ("audit", Verdict.RETURN, "survey"),
        ],
    )
    def test_opinions(self, at, verdict, following):
        assert steps.after_opinion(guide(), at, verdict).step_id == following

    def test_stages_and_defaults(self):
        bare = guide(steps=[{"step_id": "a", "stage": "acceptance", "name": "受理"}])
        first = steps.first(bare)
        assert (first.stage, first.post, first.limit.value) == (Stage.ACCEPTANCE, None, 1)
        assert first.checks == ()
        assert steps.find(guide(), "audit").stage is Stage.REVIEW
        assert steps.decision(guide()).step_id == "decision"

    def test_joint_when_another_department_takes_part(self):
        other = step("fire", "review", department_code="X")
        own = step("survey", "review", department_code="11511301008778298W")
        assert not steps.is_joint(guide())
        assert not steps.is_joint(guide(steps=[own]))
        assert steps.is_joint(guide(steps=[own, other]))

    def test_checks(self):
        survey = steps.find(guide(), "survey")
        assert steps.missing_checks(survey, {}) == ["s1"]
        assert steps.missing_checks(survey, {"s1": False}) == []
        assert steps.unknown_checks(survey, {"s1": True, "zz": True}) == ["zz"]


class TestRegions:
    @pytest.mark.parametrize(
        ("code", "stem"),
        [
            ("510000000000", "51"),
            ("511600000000", "5116"),
            ("511602000000", "511602"),
            ("511602", "511602"),
            ("511602001000", "511602001"),
            ("511602001003", "511602001003"),
            ("000000000000", ""),
            ("110000", "11"),
            ("511600001000", "511600001"),
        ],
    )
    def test_stem(self, code, stem):
        assert regions.stem(code) == stem

    @pytest.mark.parametrize(
        ("wide", "narrow", "inside"),
        [
            ("510000000000", "511602000000", True),
            ("511602000000", "511602000000", True),
            ("511602000000", "511602001000", True),
            ("511602001000", "511602000000", False),
            ("511603000000", "511602000000", False),
            ("000000000000", "511602000000", True),
        ],
    )
    def test_covers(self, wide, narrow, inside):
        assert regions.covers(wide, narrow) is inside


class TestApplications:
    EVERY = (
        material("a"),
        material("b", upload_allowed=False),
        material("c", source="certificate", certificate_type="T"),
        material("d", promise_allowed=True),
        material("e", source="certificate"),
        material("f", when="x"),
    )
    NEEDED = EVERY[:5]

    @pytest.mark.parametrize(
        ("given", "expected"),
        [
            ([SentMaterial("a", file_id=FILE)], {}),
            ([SentMaterial("c", certificate_code="1")], {}),
            ([SentMaterial("d", promise=True)], {}),
            ([SentMaterial("z", promise=True)], {"/materials/0/material_id": "unknown_material"}),
            (
                [SentMaterial("f", file_id=FILE)],
                {"/materials/0/material_id": "material_not_needed"},
            ),
            ([SentMaterial("b", file_id=FILE)], {"/materials/0/file_id": "upload_not_allowed"}),
            (
                [SentMaterial("a", certificate_code="1")],
                {"/materials/0/certificate_code": "claim_not_allowed"},
            ),
            (
                [SentMaterial("e", certificate_code="1")],
                {"/materials/0/certificate_code": "claim_not_allowed"},
            ),
            ([SentMaterial("a", promise=True)], {"/materials/0/promise": "promise_not_allowed"}),
            (
                [SentMaterial("a", file_id=FILE), SentMaterial("a", file_id=FILE)],
                {"/materials/1/material_id": "duplicate_material"},
            ),
        ],
    )
    def test_material_errors(self, given, expected):
        errors = applications.material_errors(self.EVERY, self.NEEDED, given)
        assert {one.pointer: one.code for one in errors} == expected

    def test_missing_are_only_required_ones_the_applicant_brings(self):
        needed = [
            material("a"),
            material("b", source="shared_data"),
            material("c", need="optional"),
            material("d", need="gap_allowed"),
        ]
        assert len(applications.missing_materials(needed, set())) == 2
        assert applications.missing_materials(needed, {"a", "d"}) == []


class TestForms:
    @pytest.mark.parametrize(
        ("value", "kept"),
        [
            ("蒋秀兰😀", True),
            (2**63 - 1, True),
            (-(2**63), False),
            (0.5, True),
            (None, True),
            ({"a": [{"b": [True]}]}, True),
            ("a\0", False),
            ("\ud83d", False),
            ({"\0": 1}, False),
            ([[["\0"]]], False),
            (float("nan"), False),
            (float("inf"), False),
        ],
    )
    def test_what_can_be_kept(self, value, kept):
        assert applications.is_storable(value) is kept

    def test_nesting_ends_somewhere(self):
        value = []
        for _ in range(applications.DEEPEST - 1):
            value = [value]
        assert applications.is_storable(value)
        assert not applications.is_storable([value])

    def test_personal_is_what_is_marked_anywhere_inside_and_what_is_unknown(self):
        schema = {
            "properties": {
                "size": {"type": "integer", "examples": [{"x-personal": True}]},
                "name": {"x-personal": True},
                "said": {"x-personal": False},
                "family": {"type": "object", "properties": {"name": {"x-personal": True}}},
                "guests": {"items": {"anyOf": [{}, {"x-personal": True}]}},
            }
        }
        form = dict.fromkeys(["size", "name", "said", "family", "guests", "more"])
        personal = forms.personal_fields(schema, form)
        assert personal == ["name", "family", "guests", "more"]
        assert forms.personal_fields({}, {"size": 1}) == ["size"]
