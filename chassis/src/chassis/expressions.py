"""Conditions written by people who are not programmers, in the ZEN expression language."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import zen


class BadExpression(ValueError):
    """The text is not a ZEN expression, or does not give true or false."""


def truth(expression: str, context: Mapping[str, Any]) -> bool:
    """Whether `expression` holds for these answers; a name that is not there counts as null."""
    try:
        outcome = _compiled(expression).evaluate(dict(context))
    except Exception as error:  # the engine raises RuntimeError subclasses of its own
        raise BadExpression(f"{expression}: {_reason(error)}") from error
    if outcome is None:
        return False
    if not isinstance(outcome, bool):
        raise BadExpression(f"{expression}: gives {outcome!r}, not true or false")
    return outcome


def check(expression: str) -> None:
    """Raise BadExpression when the text cannot be compiled."""
    try:
        zen.compile_expression(expression)
    except Exception as error:
        raise BadExpression(f"{expression}: {_reason(error)}") from error


@lru_cache(maxsize=4096)
def _compiled(expression: str) -> Any:
    return zen.compile_expression(expression)


def _reason(error: Exception) -> str:
    # The engine appends a stack trace of its own to the first line.
    return str(error).split("\n", 1)[0]
