"""Which fields of a form are personal."""

from collections.abc import Mapping
from typing import Any


def personal_fields(schema: Mapping[str, Any], form: Mapping[str, Any]) -> list[str]:
    """Fields the schema marks personal, at any depth, and those it does not know."""
    fields = schema.get("properties", {})
    return [name for name in form if name not in fields or _is_marked(fields[name])]


def _is_marked(schema: Any) -> bool:
    if isinstance(schema, dict):
        inner = (part for name, part in schema.items() if name not in ("examples", "default"))
        return bool(schema.get("x-personal")) or any(map(_is_marked, inner))
    return isinstance(schema, list) and any(map(_is_marked, schema))
