"""Every state × action of a rectification, expected by hand."""

import pytest

from case_svc.ratings.errors import IllegalStep
from case_svc.ratings.rules import rectification, scale, screening
from case_svc.ratings.rules.rectification import Action, State

EXPECTED = {
    ("created", "contact"): "contacted",
    ("contacted", "verification:valid"): "verified",
    ("contacted", "verification:invalid"): "excluded",
    ("contacted", "verification:mistaken"): "excluded",
    ("verified", "measures"): "rectified",
    ("rectified", "call-back:satisfied"): "called_back",
    ("rectified", "call-back:unsatisfied"): "verified",
    ("called_back", "closing"): "closed",
    ("excluded", "closing"): "closed",
}
POSSIBLE = {
    "created": ("contact",),
    "contacted": ("verification",),
    "verified": ("measures",),
    "rectified": ("call-back",),
    "called_back": ("closing",),
    "excluded": ("closing",),
    "closed": (),
}


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("action", Action)
def test_step(state, action):
    expected = EXPECTED.get((state.value, action.value))
    if expected is not None:
        assert rectification.step(state, action) == expected
        return
    with pytest.raises(IllegalStep) as caught:
        rectification.step(state, action)
    assert caught.value.extensions() == {"actions": list(POSSIBLE[state.value])}
    assert state.value in caught.value.detail("zh")


@pytest.mark.parametrize("state", State)
def test_allowed(state):
    assert rectification.allowed(state) == POSSIBLE[state.value]


def test_closed_is_the_only_end_and_every_state_reaches_it():
    reached = {State.CLOSED}
    for _ in State:
        reached |= {start for (start, _), end in rectification.MOVES.items() if end in reached}
    assert reached == set(State)
    assert [state for state in State if not rectification.allowed(state)] == [State.CLOSED]


def test_route_words_become_actions():
    assert rectification.verification("mistaken") is Action.VERIFY_MISTAKEN
    assert rectification.call_back(satisfied=True) is Action.CALL_BACK_SATISFIED
    assert rectification.call_back(satisfied=False) is Action.CALL_BACK_UNSATISFIED
    assert rectification.segment(Action.VERIFY_VALID) == "verification"


def test_four_and_five_are_bad():
    assert [scale.is_bad(value) for value in scale.SCALE] == [False, False, False, True, True]
    assert set(scale.SERVICE_ZH) == set(scale.RatedService)


@pytest.mark.parametrize(
    ("comment", "published"),
    [
        ("服务很好", "服务很好"),
        ("我叫51160219900101123X，电话13800001234。", "我叫***，电话***。"),
        ("卡号6222020200112233445", "卡号***"),
        ("座机0826-2345678", "座机***"),
        ("写信到 wang.x@example.cn 或 https://x.cn/a?b=1 看", "写信到 *** 或 *** 看"),
        ("排队120分钟，跑了3次", "排队120分钟，跑了3次"),
    ],
)
def test_personal_numbers_are_hidden(comment, published):
    assert screening.screened(comment) == published
