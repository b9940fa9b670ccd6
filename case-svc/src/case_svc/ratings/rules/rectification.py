"""The life of a rectification order: contact, verify, rectify, call back, close."""

from enum import StrEnum
from typing import Final

from case_svc.ratings.errors import IllegalStep


class State(StrEnum):
    CREATED = "created"
    CONTACTED = "contacted"
    VERIFIED = "verified"
    RECTIFIED = "rectified"
    CALLED_BACK = "called_back"
    EXCLUDED = "excluded"
    CLOSED = "closed"


class Action(StrEnum):
    """The last segment of the route, except the three results of `verification`."""

    CONTACT = "contact"
    VERIFY_VALID = "verification:valid"
    VERIFY_INVALID = "verification:invalid"
    VERIFY_MISTAKEN = "verification:mistaken"
    RECTIFY = "measures"
    CALL_BACK_SATISFIED = "call-back:satisfied"
    CALL_BACK_UNSATISFIED = "call-back:unsatisfied"
    CLOSE = "closing"


# `invalid` and `mistaken` ratings are excluded after verification, with a reason, and closed too.
# When the rater is not satisfied at the call-back, the measures begin again.
MOVES: Final = {
    (State.CREATED, Action.CONTACT): State.CONTACTED,
    (State.CONTACTED, Action.VERIFY_VALID): State.VERIFIED,
    (State.CONTACTED, Action.VERIFY_INVALID): State.EXCLUDED,
    (State.CONTACTED, Action.VERIFY_MISTAKEN): State.EXCLUDED,
    (State.VERIFIED, Action.RECTIFY): State.RECTIFIED,
    (State.RECTIFIED, Action.CALL_BACK_SATISFIED): State.CALLED_BACK,
    (State.RECTIFIED, Action.CALL_BACK_UNSATISFIED): State.VERIFIED,
    (State.CALLED_BACK, Action.CLOSE): State.CLOSED,
    (State.EXCLUDED, Action.CLOSE): State.CLOSED,
}


def step(state: State, action: Action) -> State:
    """The state after `action`, or IllegalStep naming what is possible instead."""
    try:
        return MOVES[state, action]
    except KeyError:
        raise IllegalStep(state.value, segment(action), allowed(state)) from None


def allowed(state: State) -> tuple[str, ...]:
    """Route segments possible now, each once."""
    return tuple(dict.fromkeys(segment(action) for (start, action) in MOVES if start is state))


def segment(action: Action) -> str:
    return action.value.partition(":")[0]


def verification(result: str) -> Action:
    return Action(f"verification:{result}")


def call_back(*, satisfied: bool) -> Action:
    return Action.CALL_BACK_SATISFIED if satisfied else Action.CALL_BACK_UNSATISFIED
