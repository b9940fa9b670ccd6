"""The result of examining one part."""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from onenet.endpoints import Endpoints


class State(StrEnum):
    GOOD = "good"
    NOTICE = "notice"
    WRONG = "wrong"


@dataclass(frozen=True)
class Finding:
    """`do` is a whole sentence, empty when there is nothing to do."""

    part: str
    what: str
    state: State
    found: str
    do: str = ""


def good(part: str, what: str, found: str) -> Finding:
    return Finding(part, what, State.GOOD, found)


def notice(part: str, what: str, found: str, do: str) -> Finding:
    return Finding(part, what, State.NOTICE, found, do)


def wrong(part: str, what: str, found: str, do: str) -> Finding:
    return Finding(part, what, State.WRONG, found, do)


Examination = Callable[[Endpoints], Coroutine[Any, Any, list[Finding]]]
