"""Two state machines: the item as the public sees it, and the draft of its next guide."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final, TypeVar

from catalog_svc.items.errors import IllegalMove


class Status(StrEnum):
    DRAFT = "draft"  # being written, not public
    LISTED = "listed"  # public by name, without a guide
    OPEN = "open"  # published guide, applications welcome
    SUSPENDED = "suspended"
    CANCELLED = "cancelled"


class Action(StrEnum):
    LIST = "list"  # an imported item list names it
    PUBLISH = "publication"
    SUSPEND = "suspension"
    RESUME = "resumption"
    CANCEL = "cancellation"


MOVES: Final[Mapping[tuple[Status, Action], Status]] = {
    (Status.DRAFT, Action.LIST): Status.LISTED,
    (Status.DRAFT, Action.PUBLISH): Status.OPEN,
    (Status.DRAFT, Action.CANCEL): Status.CANCELLED,
    (Status.LISTED, Action.LIST): Status.LISTED,
    (Status.LISTED, Action.PUBLISH): Status.OPEN,
    (Status.LISTED, Action.CANCEL): Status.CANCELLED,
    (Status.OPEN, Action.PUBLISH): Status.OPEN,
    (Status.OPEN, Action.SUSPEND): Status.SUSPENDED,
    (Status.OPEN, Action.CANCEL): Status.CANCELLED,
    (Status.SUSPENDED, Action.PUBLISH): Status.SUSPENDED,
    (Status.SUSPENDED, Action.RESUME): Status.OPEN,
    (Status.SUSPENDED, Action.CANCEL): Status.CANCELLED,
}


class DraftStatus(StrEnum):
    EDITING = "editing"
    SUBMITTED = "submitted"
    RETURNED = "returned"
    APPROVED = "approved"  # published; the next edit begins a new draft


class DraftAction(StrEnum):
    EDIT = "edit"
    SUBMIT = "submission"
    APPROVE = "approval"
    RETURN = "return"


DRAFT_MOVES: Final[Mapping[tuple[DraftStatus, DraftAction], DraftStatus]] = {
    (DraftStatus.EDITING, DraftAction.EDIT): DraftStatus.EDITING,
    (DraftStatus.EDITING, DraftAction.SUBMIT): DraftStatus.SUBMITTED,
    (DraftStatus.SUBMITTED, DraftAction.APPROVE): DraftStatus.APPROVED,
    (DraftStatus.SUBMITTED, DraftAction.RETURN): DraftStatus.RETURNED,
    (DraftStatus.RETURNED, DraftAction.EDIT): DraftStatus.EDITING,
    (DraftStatus.RETURNED, DraftAction.SUBMIT): DraftStatus.SUBMITTED,
    (DraftStatus.APPROVED, DraftAction.EDIT): DraftStatus.EDITING,
}

S = TypeVar("S", bound=StrEnum)
A = TypeVar("A", bound=StrEnum)


def step(moves: Mapping[tuple[S, A], S], state: S, action: A) -> S:
    """The state after `action`, or IllegalMove naming what is possible instead."""
    try:
        return moves[state, action]
    except KeyError:
        raise IllegalMove(state, action, allowed(moves, state)) from None


def allowed(moves: Mapping[tuple[S, A], S], state: S) -> list[A]:
    return [action for start, action in moves if start == state]
