"""The life of a case: states, actions, and the one table that says what leads where.

Basis: 行政许可法 art 29–45. Extension, supplying a promised material and sending a case back to an
earlier review step change no state and stand here nevertheless, because they are possible only in
some. The states of a case's tasks and materials stand below.
"""

from enum import StrEnum
from functools import cache
from typing import Final

from case_svc.cases.errors import IllegalMove


class State(StrEnum):
    DRAFT = "draft"
    SUBMITTED = "submitted"
    CORRECTION_REQUIRED = "correction_required"
    ACCEPTED = "accepted"
    IN_REVIEW = "in_review"
    SUSPENDED = "suspended"
    DECIDED = "decided"
    CERTIFYING = "certifying"
    DELIVERING = "delivering"
    FINISHED = "finished"
    NOT_ACCEPTED = "not_accepted"
    NOT_REQUIRED = "not_required"
    RETURNED = "returned"
    WITHDRAWN = "withdrawn"
    ARCHIVED = "archived"


class Action(StrEnum):
    """What a person can do is named as its route; the rest happens by event or by passing time."""

    SUBMIT = "submission"
    WITHDRAW = "withdrawal"
    ACCEPT = "acceptance"
    REQUEST_CORRECTION = "correction-notice"
    DECLINE = "non-acceptance"
    DECLARE_NOT_REQUIRED = "not-required"
    CORRECT = "correction"
    SUPPLY = "supply"
    REVIEW = "opinions"
    SUSPEND = "special-procedures"
    RESUME = "end"
    EXTEND = "extension"
    DECIDE = "decision"
    DEEM_ACCEPTED = "deemed-acceptance"
    RETURN_OVERDUE = "overdue-return"
    LAPSE = "overdue-withdrawal"
    REFUSE = "refusal"
    CERTIFY = "certifying"
    DELIVER = "delivery"
    FINISH = "finish"
    ARCHIVE = "archiving"


MOVES: Final[dict[tuple[State, Action], State]] = {
    (State.DRAFT, Action.SUBMIT): State.SUBMITTED,
    (State.DRAFT, Action.WITHDRAW): State.WITHDRAWN,
    (State.SUBMITTED, Action.ACCEPT): State.ACCEPTED,
    (State.SUBMITTED, Action.DEEM_ACCEPTED): State.ACCEPTED,
    (State.SUBMITTED, Action.REQUEST_CORRECTION): State.CORRECTION_REQUIRED,
    (State.SUBMITTED, Action.DECLINE): State.NOT_ACCEPTED,
    (State.SUBMITTED, Action.DECLARE_NOT_REQUIRED): State.NOT_REQUIRED,
    (State.SUBMITTED, Action.SUPPLY): State.SUBMITTED,
    (State.SUBMITTED, Action.LAPSE): State.WITHDRAWN,
    (State.SUBMITTED, Action.WITHDRAW): State.WITHDRAWN,
    (State.CORRECTION_REQUIRED, Action.CORRECT): State.SUBMITTED,
    (State.CORRECTION_REQUIRED, Action.RETURN_OVERDUE): State.RETURNED,
    (State.CORRECTION_REQUIRED, Action.LAPSE): State.WITHDRAWN,
    (State.CORRECTION_REQUIRED, Action.WITHDRAW): State.WITHDRAWN,
    (State.ACCEPTED, Action.REVIEW): State.IN_REVIEW,
    (State.ACCEPTED, Action.SUSPEND): State.SUSPENDED,
    (State.ACCEPTED, Action.EXTEND): State.ACCEPTED,
    (State.ACCEPTED, Action.DECIDE): State.DECIDED,
    (State.ACCEPTED, Action.SUPPLY): State.ACCEPTED,
    (State.ACCEPTED, Action.LAPSE): State.WITHDRAWN,
    (State.ACCEPTED, Action.WITHDRAW): State.WITHDRAWN,
    (State.IN_REVIEW, Action.REVIEW): State.IN_REVIEW,
    (State.IN_REVIEW, Action.SUSPEND): State.SUSPENDED,
    (State.IN_REVIEW, Action.EXTEND): State.IN_REVIEW,
    (State.IN_REVIEW, Action.DECIDE): State.DECIDED,
    (State.IN_REVIEW, Action.SUPPLY): State.IN_REVIEW,
    (State.IN_REVIEW, Action.LAPSE): State.WITHDRAWN,
    (State.IN_REVIEW, Action.WITHDRAW): State.WITHDRAWN,
    (State.SUSPENDED, Action.RESUME): State.IN_REVIEW,
    (State.SUSPENDED, Action.SUPPLY): State.SUSPENDED,
    (State.SUSPENDED, Action.LAPSE): State.WITHDRAWN,
    (State.SUSPENDED, Action.WITHDRAW): State.WITHDRAWN,
    (State.DECIDED, Action.REFUSE): State.FINISHED,
    (State.DECIDED, Action.CERTIFY): State.CERTIFYING,
    (State.CERTIFYING, Action.DELIVER): State.DELIVERING,
    (State.DELIVERING, Action.FINISH): State.FINISHED,
    (State.FINISHED, Action.ARCHIVE): State.ARCHIVED,
    (State.NOT_ACCEPTED, Action.ARCHIVE): State.ARCHIVED,
    (State.NOT_REQUIRED, Action.ARCHIVE): State.ARCHIVED,
    (State.RETURNED, Action.ARCHIVE): State.ARCHIVED,
    (State.WITHDRAWN, Action.ARCHIVE): State.ARCHIVED,
}

ROUTES: Final = frozenset(
    {
        Action.SUBMIT,
        Action.WITHDRAW,
        Action.ACCEPT,
        Action.REQUEST_CORRECTION,
        Action.DECLINE,
        Action.CORRECT,
        Action.REVIEW,
        Action.SUSPEND,
        Action.RESUME,
        Action.EXTEND,
        Action.DECIDE,
    }
)

FINAL: Final = frozenset(
    {
        State.FINISHED,
        State.NOT_ACCEPTED,
        State.NOT_REQUIRED,
        State.RETURNED,
        State.WITHDRAWN,
        State.ARCHIVED,
    }
)


class TaskStatus(StrEnum):
    OPEN = "open"
    HELD = "held"
    DONE = "done"
    CANCELLED = "cancelled"


# Tasks that wait for someone; a case has one of them at most.
PRESENT: Final = (TaskStatus.OPEN, TaskStatus.HELD)


class MaterialState(StrEnum):
    """Where a material stands: a file, a claimed certificate, a promise, or fetched by the office.

    A claim is pending until its certificate is checked, then verified or failed.
    """

    SUPPLIED = "supplied"
    PENDING = "pending"
    VERIFIED = "verified"
    FAILED = "failed"
    PROMISED = "promised"
    SHARED = "shared"


def step(state: State, action: Action) -> State:
    """The state after `action`, or IllegalMove naming what is possible instead."""
    try:
        return MOVES[state, action]
    except KeyError:
        raise IllegalMove(state, action, possible(state)) from None


@cache
def allowed(state: State) -> tuple[Action, ...]:
    """Everything that can happen to a case in this state."""
    return tuple(action for action in Action if (state, action) in MOVES)


@cache
def possible(state: State) -> tuple[Action, ...]:
    """What people can do now, named as the routes are."""
    return tuple(action for action in allowed(state) if action in ROUTES)
