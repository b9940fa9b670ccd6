"""Values of a form: which can be stored, and which fields are personal."""

import math
import re
from collections.abc import Mapping
from typing import Any, Final

DEEPEST: Final = 16
_LARGEST: Final = 2**63 - 1
# Null characters and halves of surrogate pairs.
_BROKEN: Final = re.compile("[\0\ud800-\udfff]")


def is_storable(value: Any) -> bool:
    """Whether a JSON value can be stored, sent in an event and printed on a certificate."""
    level = [value]
    for _ in range(DEEPEST):
        inside: list[Any] = []
        for member in level:
            if isinstance(member, dict):
                inside.extend(member)
                inside.extend(member.values())
            elif isinstance(member, list):
                inside.extend(member)
            elif (
                (isinstance(member, str) and _BROKEN.search(member))
                or (isinstance(member, float) and not math.isfinite(member))
                or (isinstance(member, int) and abs(member) > _LARGEST)
            ):
                return False
        if not inside:
            return True
        level = inside
    return False


def personal_fields(schema: Mapping[str, Any], form: Mapping[str, Any]) -> list[str]:
    """Fields the schema marks personal, at any depth, and those it does not know."""
    fields = schema.get("properties", {})
    return [name for name in form if name not in fields or _is_marked(fields[name])]


def _is_marked(schema: Any) -> bool:
    if isinstance(schema, dict):
        inner = (part for name, part in schema.items() if name not in ("examples", "default"))
        return bool(schema.get("x-personal")) or any(map(_is_marked, inner))
    return isinstance(schema, list) and any(map(_is_marked, schema))
