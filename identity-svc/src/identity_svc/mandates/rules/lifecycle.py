"""The life of a mandate: offered, accepted, ended."""

from enum import StrEnum
from typing import Final

from identity_svc.mandates.errors import IllegalMove


class State(StrEnum):
    PENDING = "pending"
    ACTIVE = "active"
    REVOKED = "revoked"
    EXPIRED = "expired"


class Action(StrEnum):
    """Values are the last segments of the routes; `expiry` has no route, a loop applies it."""

    ACCEPT = "acceptance"
    REVOKE = "revocation"
    EXPIRE = "expiry"


class Power(StrEnum):
    APPLY = "apply"
    CORRECT = "correct"
    WITHDRAW = "withdraw"
    COLLECT = "collect"
    VIEW = "view"
    RATE = "rate"


class Role(StrEnum):
    LEGAL_REPRESENTATIVE = "legal_representative"
    AGENT = "agent"


MOVES: Final = {
    (State.PENDING, Action.ACCEPT): State.ACTIVE,
    (State.PENDING, Action.REVOKE): State.REVOKED,
    (State.PENDING, Action.EXPIRE): State.EXPIRED,
    (State.ACTIVE, Action.REVOKE): State.REVOKED,
    (State.ACTIVE, Action.EXPIRE): State.EXPIRED,
}


def step(state: State, action: Action) -> State:
    """The state after `action`, or IllegalMove naming what is possible instead."""
    try:
        return MOVES[state, action]
    except KeyError:
        raise IllegalMove(state, allowed(state)) from None


def allowed(state: State) -> list[Action]:
    """What a party may do; no party can choose expiry."""
    return [action for (at, action) in MOVES if at == state and action is not Action.EXPIRE]
