"""What an applicant hands in, and what can be wrong with its materials."""

import math
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from case_svc.items.materials import may_be_claimed, must_be_given
from chassis.errors import FieldError

Material = Mapping[str, Any]
DEEPEST = 16
_LARGEST = 2**63 - 1
_BROKEN = re.compile("[\0\ud800-\udfff]")


@dataclass(frozen=True)
class Given:
    """One material: a file, a certificate that is claimed, or a promise to bring it later."""

    material_id: str
    file_id: UUID | None = None
    certificate_code: str | None = None
    promise: bool = False


@dataclass(frozen=True)
class Application:
    answers: Mapping[str, Any] = field(default_factory=dict)
    form: Mapping[str, Any] = field(default_factory=dict)
    materials: Sequence[Given] = ()


def is_storable(value: Any) -> bool:
    """Whether a JSON value can be kept, told in an event and printed on a certificate."""
    level = [value]
    for _ in range(DEEPEST):
        inside: list[Any] = []
        for one in level:
            if isinstance(one, dict):
                inside.extend(one)
                inside.extend(one.values())
            elif isinstance(one, list):
                inside.extend(one)
            elif not _is_plain(one):
                return False
        if not inside:
            return True
        level = inside
    return False


def personal_fields(schema: Mapping[str, Any], form: Mapping[str, Any]) -> list[str]:
    """Fields the schema marks personal, at any depth, and those it does not know."""
    known = schema.get("properties", {})
    return [name for name in form if name not in known or _marked(known[name])]


def material_errors(
    every: Iterable[Material], needed: Iterable[Material], given: Sequence[Given]
) -> list[FieldError]:
    """What is wrong with each entry of `given`, with pointers into the body."""
    known = {one["material_id"] for one in every}
    wanted = {one["material_id"]: one for one in needed}
    seen: set[str] = set()
    errors = []
    for number, one in enumerate(given):
        errors.extend(_one(f"/materials/{number}", one, known, wanted, seen))
        seen.add(one.material_id)
    return errors


def missing(needed: Iterable[Material], present: Collection[str]) -> list[FieldError]:
    """One entry for each required material that the applicant has to bring and did not."""
    return [
        FieldError(
            "/materials",
            "missing_material",
            f"缺少必要材料：{one['name']}（{one['material_id']}）",
            f"required material is missing: {one['name']} ({one['material_id']})",
        )
        for one in needed
        if must_be_given(one) and one["material_id"] not in present
    ]


def _marked(schema: Any) -> bool:
    if isinstance(schema, dict):
        inner = (one for name, one in schema.items() if name not in ("examples", "default"))
        return bool(schema.get("x-personal")) or any(_marked(one) for one in inner)
    return isinstance(schema, list) and any(_marked(one) for one in schema)


def _is_plain(value: Any) -> bool:
    """No null character, no half of a surrogate pair, no number beyond 64 bits."""
    if isinstance(value, str):
        return _BROKEN.search(value) is None
    if isinstance(value, float):
        return math.isfinite(value)
    return not isinstance(value, int) or abs(value) <= _LARGEST


def _one(
    place: str, given: Given, known: set[str], wanted: Mapping[str, Material], seen: set[str]
) -> list[FieldError]:
    if given.material_id not in known:
        return [_error(f"{place}/material_id", "unknown_material", "事项没有这项材料", "no such")]
    if given.material_id in seen:
        return [_error(f"{place}/material_id", "duplicate_material", "材料重复", "given twice")]
    if given.material_id not in wanted:
        return [
            _error(f"{place}/material_id", "material_not_needed", "您的情形不需要", "not needed")
        ]
    return _way(place, given, wanted[given.material_id])


def _way(place: str, given: Given, material: Material) -> list[FieldError]:
    if given.file_id is not None and not material["upload_allowed"]:
        return [_error(f"{place}/file_id", "upload_not_allowed", "此材料不必上传", "not uploaded")]
    if given.certificate_code is not None and not may_be_claimed(material):
        place = f"{place}/certificate_code"
        return [_error(place, "claim_not_allowed", "此材料不能以电子证照代替", "not claimable")]
    if given.promise and not material["promise_allowed"]:
        return [_error(f"{place}/promise", "promise_not_allowed", "此材料不能容缺", "not allowed")]
    return []


def _error(pointer: str, code: str, zh: str, en: str) -> FieldError:
    return FieldError(pointer, code, zh, en)
