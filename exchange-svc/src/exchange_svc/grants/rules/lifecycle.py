"""The states of a grant request: one table, one step.

The authority checks every request. It grants unconditional sharing itself; otherwise the provider
decides.
"""

from enum import StrEnum
from typing import Final

from exchange_svc.grants.errors import IllegalMove


class State(StrEnum):
    SUBMITTED = "submitted"
    PROVIDER_REVIEWING = "provider_reviewing"
    APPROVED = "approved"
    REFUSED = "refused"


class Action(StrEnum):
    """The last segment of the action's route."""

    APPROVE = "approval"
    REFUSE = "refusal"


class Side(StrEnum):
    """Whose turn it is."""

    AUTHORITY = "authority"
    PROVIDER = "provider"


MOVES: Final = {
    (State.SUBMITTED, Action.REFUSE): State.REFUSED,
    (State.PROVIDER_REVIEWING, Action.APPROVE): State.APPROVED,
    (State.PROVIDER_REVIEWING, Action.REFUSE): State.REFUSED,
}
TURNS: Final = {State.SUBMITTED: Side.AUTHORITY, State.PROVIDER_REVIEWING: Side.PROVIDER}


def step(state: State, action: Action, *, unconditional: bool) -> State:
    """The state after `action`, or IllegalMove naming what is possible instead."""
    if (state, action) == (State.SUBMITTED, Action.APPROVE):
        return State.APPROVED if unconditional else State.PROVIDER_REVIEWING
    try:
        return MOVES[state, action]
    except KeyError:
        raise IllegalMove(state.value, allowed(state)) from None


def allowed(state: State) -> list[str]:
    return [action.value for action in Action] if state in TURNS else []
