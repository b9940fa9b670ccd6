"""What an applicant hands in, and what can be wrong with its materials."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from case_svc.items.materials import may_be_claimed, must_be_given
from chassis.errors import FieldError

Material = Mapping[str, Any]


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
