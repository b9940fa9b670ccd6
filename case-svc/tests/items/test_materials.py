"""Which materials an application needs."""

import pytest

from case_svc.items.rules import materials
from chassis.expressions import truth

from ..factories import guide, material


def test_defaults_fill_what_is_not_answered():
    assert materials.answered(guide(), {}, "natural_person") == {
        "household": "local",
        "applicant_type": "natural_person",
    }
    assert materials.answered(guide(), {"household": "other"}, "x")["household"] == "other"


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        ({}, {}),
        ({"household": "local"}, {}),
        ({"household": "mars"}, {"household": "unknown_option"}),
        ({"other": "x"}, {"other": "unknown_question"}),
    ],
)
def test_answers_that_were_not_offered(answers, expected):
    assert materials.unknown_answers(guide(), answers) == expected


@pytest.mark.parametrize(("household", "permit"), [("local", False), ("other", True)])
def test_answers_decide(household, permit):
    known = materials.answered(guide(), {"household": household}, "natural_person")
    found = [one["material_id"] for one in materials.needed(guide(), known, truth)]
    assert ("permit" in found) is permit
    assert "declaration" in found


def test_applicant_type_decides_too():
    asked = guide(materials=[material("licence", when="applicant_type == 'enterprise'")])
    for kind, count in (("enterprise", 1), ("natural_person", 0)):
        known = materials.answered(asked, {}, kind)
        assert len(materials.needed(asked, known, truth)) == count


@pytest.mark.parametrize(
    ("changes", "must", "claimable"),
    [
        ({}, True, False),
        ({"need": "optional"}, False, False),
        ({"need": "gap_allowed"}, True, False),
        ({"source": "shared_data"}, False, False),
        ({"source": "certificate"}, True, False),
        ({"source": "certificate", "certificate_type": "T"}, True, True),
        ({"certificate_type": "T"}, True, False),
    ],
)
def test_what_the_applicant_brings(changes, must, claimable):
    one = material("m", **changes)
    assert materials.must_be_given(one) is must
    assert materials.may_be_claimed(one) is claimable
