"""The differences between two published guides, by JSON pointer."""

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
    """List entries that carry an id are compared by id, others by position."""
    left, right = _members(before), _members(after)
    if left is None or right is None or isinstance(before, dict) != isinstance(after, dict):
        if before != after:
            yield Difference(pointer, "changed", before, after)
        return
    for name in dict.fromkeys([*left, *right]):
        path = f"{pointer}/{name}"
        if name not in right:
            yield Difference(path, "removed", left[name], None)
        elif name not in left:
            yield Difference(path, "added", None, right[name])
        else:
            yield from differences(left[name], right[name], path)


def _members(value: Any) -> Mapping[str, Any] | None:
    if isinstance(value, dict):
        return value
    if isinstance(value, list):
        members = {}
        for position, entry in enumerate(value):
            ids = [entry[key] for key in _KEYS if key in entry] if isinstance(entry, dict) else []
            members[str(ids[0] if ids else position)] = entry
        return members
    return None
