"""What changed between two published guides, as pointers."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

_KEYS: Final = ("condition_id", "question_id", "material_id", "step_id", "check_id")


@dataclass(frozen=True)
class Difference:
    pointer: str
    change: Literal["added", "removed", "changed"]
    before: Any
    after: Any


def differences(before: Any, after: Any, pointer: str = "") -> Iterator[Difference]:
    """Entries of lists that carry an id are compared by id, others by place."""
    left, right = _members(before), _members(after)
    if left is None or right is None or isinstance(before, dict) != isinstance(after, dict):
        if before != after:
            yield Difference(pointer, "changed", before, after)
        return
    for name in dict.fromkeys([*left, *right]):
        where = f"{pointer}/{name}"
        if name not in right:
            yield Difference(where, "removed", left[name], None)
        elif name not in left:
            yield Difference(where, "added", None, right[name])
        else:
            yield from differences(left[name], right[name], where)


def _members(value: Any) -> Mapping[str, Any] | None:
    if isinstance(value, dict):
        return value
    if isinstance(value, list):
        return {_name(entry, place): entry for place, entry in enumerate(value)}
    return None


def _name(entry: Any, place: int) -> str:
    if isinstance(entry, dict):
        for key in _KEYS:
            if key in entry:
                return str(entry[key])
    return str(place)
