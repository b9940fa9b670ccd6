import pytest

from catalog_svc.items.errors import IllegalMove
from catalog_svc.items.rules.lifecycle import (
    DRAFT_MOVES,
    MOVES,
    Action,
    DraftAction,
    DraftStatus,
    Status,
    allowed,
    step,
)

# Written by hand, on purpose: rows are states, columns actions, "-" is refused.
ITEM = """
            list    publication suspension resumption cancellation
draft       listed  open        -          -          cancelled
listed      listed  open        -          -          cancelled
open        -       open        suspended  -          cancelled
suspended   -       suspended   -          open       cancelled
cancelled   -       -           -          -          -
"""
DRAFT = """
            edit    submission approval return
editing     editing submitted  -        -
submitted   -       -          approved returned
returned    editing submitted  -        -
approved    editing -          -        -
"""


def table(text):
    header, *rows = [line.split() for line in text.strip().splitlines()]
    return [
        (row[0], action, None if target == "-" else target)
        for row in rows
        for action, target in zip(header, row[1:], strict=True)
    ]


@pytest.mark.parametrize(("state", "action", "target"), table(ITEM))
def test_items_move_as_written(state, action, target):
    check(MOVES, Status(state), Action(action), target)


@pytest.mark.parametrize(("state", "action", "target"), table(DRAFT))
def test_drafts_move_as_written(state, action, target):
    check(DRAFT_MOVES, DraftStatus(state), DraftAction(action), target)


def test_the_tables_are_complete():
    assert {(s, a) for s, a, _ in table(ITEM)} == {(s, a) for s in Status for a in Action}
    assert {(s, a) for s, a, _ in table(DRAFT)} == {
        (s, a) for s in DraftStatus for a in DraftAction
    }


def check(moves, state, action, target):
    if target is not None:
        assert step(moves, state, action) == target
        return
    with pytest.raises(IllegalMove) as refused:
        step(moves, state, action)
    assert list(refused.value.possible) == allowed(moves, state)
    assert refused.value.extensions() == {"actions": allowed(moves, state)}
