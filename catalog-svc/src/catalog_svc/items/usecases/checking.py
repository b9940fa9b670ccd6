"""The publication checks with the libraries they need, and the gaps that readers see."""

import json
from collections.abc import Mapping
from typing import Any, Final

import jsonschema_rs
from sqlalchemy.ext.asyncio import AsyncSession

from catalog_svc.items import queries
from catalog_svc.items.errors import BadGuide
from catalog_svc.items.models import Item
from catalog_svc.items.rules import checks
from catalog_svc.items.rules.checks import Fault, Tools
from catalog_svc.items.rules.gaps import Gap, escaped
from catalog_svc.items.rules.guide_schema import GUIDE
from chassis import expressions
from chassis.errors import FieldError

LARGEST_GUIDE: Final = 800_000  # bytes; the event that carries it must fit the bus
_GUIDE: Final = jsonschema_rs.Draft202012Validator(GUIDE)
_BAD_SCHEMA: Final = (jsonschema_rs.ValidationError, jsonschema_rs.ReferencingError, ValueError)


async def gaps_of(session: AsyncSession, guide: Mapping[str, Any]) -> list[Gap]:
    """Everything that keeps this guide from publication, and the notes that do not."""
    gaps = checks.gaps(guide, TOOLS)
    base = await queries.find_base_item(session, guide.get("catalog_code"))
    required = {} if base is None else {"name": base.name, "task_type": base.task_type}
    gaps += [
        Gap(
            "base_item_differs",
            f"/{name}",
            f"与基本目录不一致（应为 {value}）",
            f"Differs from the base item, which says {value}.",
        )
        for name, value in required.items()
        if guide.get(name) != value
    ]
    return gaps


def listed_guide(item: Item) -> dict[str, Any]:
    """What an item without a guide says of itself, in the shape of a guide."""
    return {
        "item_code": item.item_code,
        "name": item.name,
        "parent_name": item.parent_name,
        "task_type": item.task_type,
        "task_code": item.task_code,
        "department": {
            "code": item.department_code,
            "name": item.department_name or item.department_code,
        },
        "region": {"code": item.region_code, "name": item.region_name or item.region_code},
    }


def ensure_shape(guide: Mapping[str, Any]) -> None:
    """Raise BadGuide for a draft that breaks the schema of a guide."""
    faults = shape_faults(guide)
    if faults:
        raise BadGuide(
            [FieldError(f"/guide{f.pointer}", "shape", f.message, f.message) for f in faults]
        )


def shape_faults(guide: Mapping[str, Any]) -> list[Fault]:
    """How the guide breaks its schema, or why it cannot be stored at all."""
    try:
        text = json.dumps(guide, ensure_ascii=False, allow_nan=False)
        size = len(text.encode())
    except ValueError as error:  # NaN, infinity, half of a surrogate pair
        return [Fault("", str(error)[:300])]
    if "\\u0000" in text:
        return [Fault("", "holds a null character")]
    if size > LARGEST_GUIDE:
        return [Fault("", f"more than {LARGEST_GUIDE} bytes")]
    return [_fault(error) for error in _GUIDE.iter_errors(guide)]


def form_fault(form: Mapping[str, Any]) -> str | None:
    """Why the form is no valid JSON Schema."""
    try:
        jsonschema_rs.Draft202012Validator(dict(form))
    except _BAD_SCHEMA as error:
        return str(error).splitlines()[0]
    return None


def value_faults(schema: Mapping[str, Any], value: Any) -> list[Fault]:
    """How the value breaks the schema."""
    try:
        validator = jsonschema_rs.Draft202012Validator(dict(schema))
    except _BAD_SCHEMA as error:
        return [Fault("", str(error).splitlines()[0])]
    return [_fault(error) for error in validator.iter_errors(value)]


def _fault(error: jsonschema_rs.ValidationError) -> Fault:
    pointer = "".join(f"/{escaped(str(part))}" for part in error.instance_path)
    return Fault(pointer, error.message[:300])


def expression_fault(expression: str, context: Mapping[str, Any]) -> str | None:
    """Why the expression cannot be evaluated with these answers."""
    try:
        expressions.check(expression)
        expressions.truth(expression, context)
    except expressions.BadExpression as error:
        return str(error)[:300]
    return None


TOOLS: Final = Tools(
    shape=shape_faults,
    form_fault=form_fault,
    value_faults=value_faults,
    expression_fault=expression_fault,
)
