"""Every state × action against a table written by hand."""

import itertools

import pytest

from case_svc.cases.errors import IllegalMove
from case_svc.cases.rules.lifecycle import FINAL, MOVES, Action, State, allowed, possible, step

# state: {action: state after}. What is not written here must be refused.
EXPECTED = {
    "draft": {"submission": "submitted", "withdrawal": "withdrawn"},
    "submitted": {
        "acceptance": "accepted",
        "deemed-acceptance": "accepted",
        "correction-notice": "correction_required",
        "non-acceptance": "not_accepted",
        "not-required": "not_required",
        "supply": "submitted",
        "overdue-withdrawal": "withdrawn",
        "withdrawal": "withdrawn",
    },
    "correction_required": {
        "correction": "submitted",
        "overdue-return": "returned",
        "overdue-withdrawal": "withdrawn",
        "withdrawal": "withdrawn",
    },
    "accepted": {
        "opinions": "in_review",
        "special-procedures": "suspended",
        "extension": "accepted",
        "decision": "decided",
        "supply": "accepted",
        "overdue-withdrawal": "withdrawn",
        "withdrawal": "withdrawn",
    },
    "in_review": {
        "opinions": "in_review",
        "special-procedures": "suspended",
        "extension": "in_review",
        "decision": "decided",
        "supply": "in_review",
        "overdue-withdrawal": "withdrawn",
        "withdrawal": "withdrawn",
    },
    "suspended": {
        "end": "in_review",
        "supply": "suspended",
        "overdue-withdrawal": "withdrawn",
        "withdrawal": "withdrawn",
    },
    "decided": {"refusal": "finished", "certifying": "certifying"},
    "certifying": {"delivery": "delivering"},
    "delivering": {"finish": "finished"},
    "finished": {"archiving": "archived"},
    "not_accepted": {"archiving": "archived"},
    "not_required": {"archiving": "archived"},
    "returned": {"archiving": "archived"},
    "withdrawn": {"archiving": "archived"},
    "archived": {},
}
POSSIBLE = {
    "draft": ["submission", "withdrawal"],
    "submitted": ["withdrawal", "acceptance", "correction-notice", "non-acceptance"],
    "correction_required": ["withdrawal", "correction"],
    "accepted": ["withdrawal", "opinions", "special-procedures", "extension", "decision"],
    "in_review": ["withdrawal", "opinions", "special-procedures", "extension", "decision"],
    "suspended": ["withdrawal", "end"],
}
API_WORDS = (
    "draft submitted correction_required accepted in_review suspended decided certifying "
    "delivering finished not_accepted not_required returned withdrawn archived"
)


@pytest.mark.parametrize(("state", "action"), list(itertools.product(State, Action)))
def test_every_state_and_action(state, action):
    expected = EXPECTED[state].get(action)
    if expected is not None:
        assert step(state, action) == expected
        assert action in allowed(state)
        return
    assert action not in allowed(state)
    with pytest.raises(IllegalMove) as refused:
        step(state, action)
    assert refused.value.possible == POSSIBLE.get(state, [])
    assert str(state) in refused.value.detail("en")


def test_states_are_the_words_of_the_api():
    assert [str(one) for one in State] == API_WORDS.split()


def test_table_names_every_state_and_no_unknown_action():
    assert set(EXPECTED) == set(State)
    assert {action for moves in EXPECTED.values() for action in moves} == set(Action)
    assert sum(map(len, EXPECTED.values())) == len(MOVES)


@pytest.mark.parametrize("state", sorted(FINAL))
def test_what_is_over_can_only_be_archived(state):
    assert set(allowed(state)) <= {Action.ARCHIVE}


@pytest.mark.parametrize("state", State)
def test_possible_are_the_routes_among_the_allowed(state):
    assert [str(one) for one in possible(state)] == POSSIBLE.get(state, [])


def test_before_the_decision_the_applicant_may_always_withdraw():
    before = {"draft", "submitted", "correction_required", "accepted", "in_review", "suspended"}
    assert {s for s in State if Action.WITHDRAW in allowed(s)} == before
