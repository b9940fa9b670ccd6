"""The publication checks with their libraries, and the gaps a reader is shown."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import lru_cache
from typing import Any

import jsonschema_rs
from sqlalchemy.ext.asyncio import AsyncSession

from catalog_svc.items import queries
from catalog_svc.items.errors import BadGuide
from catalog_svc.items.models import BaseItem, Item
from catalog_svc.items.rules import checks
from catalog_svc.items.rules.checks import Fault, Tools
from catalog_svc.items.rules.gaps import Gap, escaped
from catalog_svc.items.rules.guide_schema import GUIDE
from chassis import expressions
from chassis.errors import FieldError

LARGEST_GUIDE = 800_000  # bytes; the event that carries it must fit the bus


async def gaps_of(session: AsyncSession, guide: Mapping[str, Any]) -> list[Gap]:
    """Everything that keeps this guide from publication, and the notes that do not."""
    found = checks.gaps(guide, TOOLS)
    base = await queries.base_item(session, guide.get("catalog_code"))
    return found if base is None else [*found, *_differences(guide, base)]


def listed_guide(item: Item) -> dict[str, Any]:
    """What is known of an item that has no guide yet, in the shape of one."""
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
    """Raise BadGuide for a draft that is not even shaped like a guide."""
    faults = _shape_faults(guide)
    if faults:
        raise BadGuide(
            [FieldError(f"/guide{f.pointer}", "shape", f.message, f.message) for f in faults]
        )


def as_json(found: Sequence[Gap]) -> list[dict[str, Any]]:
    return [asdict(gap) for gap in found]


def _differences(guide: Mapping[str, Any], base: BaseItem) -> list[Gap]:
    return [
        Gap(
            "base_item_differs",
            f"/{name}",
            f"与基本目录不一致（应为 {held}）",
            f"Differs from the base item, which says {held}.",
        )
        for name, held in (("name", base.name), ("task_type", base.task_type))
        if guide.get(name) != held
    ]


@lru_cache(maxsize=1)
def _guide_validator() -> jsonschema_rs.Validator:
    return jsonschema_rs.Draft202012Validator(GUIDE)


def _shape_faults(guide: Mapping[str, Any]) -> list[Fault]:
    try:
        text = json.dumps(guide, ensure_ascii=False, allow_nan=False)
        size = len(text.encode())
    except ValueError as error:  # NaN, infinity, half of a surrogate pair
        return [Fault("", str(error)[:300])]
    if "\\u0000" in text:
        return [Fault("", "holds a null character")]
    if size > LARGEST_GUIDE:
        return [Fault("", f"more than {LARGEST_GUIDE} bytes")]
    return [_fault(error) for error in _guide_validator().iter_errors(guide)]


def _form_fault(form: Mapping[str, Any]) -> str | None:
    try:
        jsonschema_rs.Draft202012Validator(dict(form))
    except (jsonschema_rs.ValidationError, jsonschema_rs.ReferencingError, ValueError) as error:
        return str(error).splitlines()[0]
    return None


def _fill_faults(schema: Mapping[str, Any], value: Any) -> list[Fault]:
    try:
        validator = jsonschema_rs.Draft202012Validator(dict(schema))
    except (jsonschema_rs.ValidationError, jsonschema_rs.ReferencingError, ValueError) as error:
        return [Fault("", str(error).splitlines()[0])]
    return [_fault(error) for error in validator.iter_errors(value)]


def _fault(error: jsonschema_rs.ValidationError) -> Fault:
    pointer = "".join(f"/{escaped(str(part))}" for part in error.instance_path)
    return Fault(pointer, error.message[:300])


def _expression_fault(expression: str, known: Mapping[str, Any]) -> str | None:
    try:
        expressions.check(expression)
        expressions.truth(expression, known)
    except expressions.BadExpression as error:
        return str(error)[:300]
    return None


TOOLS = Tools(
    shape=_shape_faults,
    form_fault=_form_fault,
    fill_faults=_fill_faults,
    expression_fault=_expression_fault,
)
