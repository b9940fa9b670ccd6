"""What an applicant hands in, and what can be wrong with it: answers, form, materials."""

import math
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final
from uuid import UUID

import jsonschema_rs

from case_svc.cases.rules.lifecycle import MaterialState
from case_svc.items.rules import materials
from case_svc.items.rules.materials import Material, may_be_claimed, must_be_given
from chassis.errors import FieldError

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


@dataclass(frozen=True)
class SentMaterial:
    """A file, a certificate that is claimed, or a promise to bring the material later."""

    material_id: str
    file_id: UUID | None = None
    certificate_code: str | None = None
    promise: bool = False

    @property
    def state(self) -> MaterialState:
        if self.file_id is not None:
            return MaterialState.SUPPLIED
        return MaterialState.PENDING if self.certificate_code else MaterialState.PROMISED

    def as_sent(self) -> dict[str, Any]:
        """As it stood in the body, for the receipt."""
        content: dict[str, Any] = {"material_id": self.material_id}
        if self.file_id is not None:
            return content | {"file_id": str(self.file_id)}
        if self.certificate_code is not None:
            return content | {"certificate_code": self.certificate_code}
        return content | {"promise": True}


@dataclass(frozen=True)
class Application:
    answers: Mapping[str, Any] = field(default_factory=dict)
    form: Mapping[str, Any] = field(default_factory=dict)
    materials: Sequence[SentMaterial] = ()

    def changed(self, changes: Mapping[str, Any]) -> "Application":
        """Answers and form are merged, null removes a member; materials replace the list."""
        materials = changes.get("materials")
        return replace(
            self,
            answers=merged(self.answers, changes.get("answers")),
            form=merged(self.form, changes.get("form")),
            materials=self.materials if materials is None else materials,
        )


def merged(before: Mapping[str, Any], changes: Mapping[str, Any] | None) -> dict[str, Any]:
    """The changes over what stood there; null removes a member."""
    both = {**before, **(changes or {})}
    return {name: value for name, value in both.items() if value is not None}


def files_of(materials: Iterable[SentMaterial]) -> list[UUID]:
    return [sent.file_id for sent in materials if sent.file_id is not None]


def material_errors(
    every: Iterable[Material], needed: Iterable[Material], materials: Sequence[SentMaterial]
) -> list[FieldError]:
    """What is wrong with each entry of `materials`, with pointers into the body."""
    offered = {material["material_id"] for material in every}
    wanted = {material["material_id"]: material for material in needed}
    seen: set[str] = set()
    errors = []
    for number, sent in enumerate(materials):
        error = None
        if sent.material_id not in offered:
            error = ("material_id", "unknown_material", "事项没有这项材料", "no such")
        elif sent.material_id in seen:
            error = ("material_id", "duplicate_material", "材料重复", "given twice")
        elif sent.material_id not in wanted:
            error = ("material_id", "material_not_needed", "您的情形不需要", "not needed")
        else:
            error = _way_error(sent, wanted[sent.material_id])
        if error is not None:
            name, *rest = error
            errors.append(FieldError(f"/materials/{number}/{name}", *rest))
        seen.add(sent.material_id)
    return errors


def missing_materials(needed: Iterable[Material], present: Collection[str]) -> list[FieldError]:
    """One entry for each required material that the applicant has to bring and did not."""
    return [
        FieldError(
            "/materials",
            "missing_material",
            f"缺少必要材料：{material['name']}（{material['material_id']}）",
            f"required material is missing: {material['name']} ({material['material_id']})",
        )
        for material in needed
        if must_be_given(material) and material["material_id"] not in present
    ]


def file_errors(materials: Sequence[SentMaterial], owned: Collection[UUID]) -> list[FieldError]:
    """Only files the applicant uploaded herself; another's does not exist for her."""
    zh, en = "没有这个文件，或不是您上传的", "no such file of yours"
    return [
        FieldError(f"/materials/{number}/file_id", "unknown_file", zh, en)
        for number, sent in enumerate(materials)
        if sent.file_id is not None and sent.file_id not in owned
    ]


def _way_error(sent: SentMaterial, material: Material) -> tuple[str, str, str, str] | None:
    if sent.file_id is not None and not material["upload_allowed"]:
        return "file_id", "upload_not_allowed", "此材料不必上传", "not uploaded"
    if sent.certificate_code is not None and not may_be_claimed(material):
        return "certificate_code", "claim_not_allowed", "此材料不能以电子证照代替", "not claimable"
    if sent.promise and not material["promise_allowed"]:
        return "promise", "promise_not_allowed", "此材料不能容缺", "not allowed"
    return None


Guide = Mapping[str, Any]

_MESSAGES: Final = {
    "required": "必填",
    "type": "类型不符",
    "enum": "不在可选值之内",
    "const": "不在可选值之内",
    "pattern": "格式不符",
    "format": "格式不符",
    "minLength": "太短",
    "maxLength": "太长",
    "minimum": "太小",
    "maximum": "太大",
    "exclusiveMinimum": "太小",
    "exclusiveMaximum": "太大",
    "minItems": "条目过少",
    "maxItems": "条目过多",
    "uniqueItems": "有重复",
    "multipleOf": "不是规定的倍数",
    "additionalProperties": "表单没有这一项",
}
_ANSWERS: Final = {
    "unknown_question": ("没有这个问题", "no such question"),
    "unknown_option": ("不在可选答案之内", "not one of the options"),
}


def compile_schema(schema: Mapping[str, Any]) -> Any:
    """The validator of a published form; compiling takes much longer than validating."""
    return jsonschema_rs.Draft202012Validator(dict(schema), validate_formats=True)


def answer_errors(guide: Guide, answers: Mapping[str, Any]) -> list[FieldError]:
    return [
        FieldError(_pointer(["answers", question]), code, *_ANSWERS[code])
        for question, code in materials.unknown_answers(guide, answers).items()
    ]


def form_errors(validator: Any, form: Mapping[str, Any]) -> list[FieldError]:
    """One entry for each field, with a pointer into the body."""
    errors = []
    for error in validator.iter_errors(dict(form)):
        place = ["form", *error.instance_path]
        keyword = str(error.kind.name) if hasattr(error.kind, "name") else "invalid"
        places = [place]
        if keyword == "required":
            places = [[*place, error.kind.property]]
        elif keyword == "additionalProperties":
            places = [[*place, name] for name in error.kind.unexpected]
        zh = _MESSAGES.get(keyword, "不符合要求")
        # The validator's own sentence quotes the value, which may be personal; ours does not.
        en = f"does not satisfy {keyword}"
        errors += [FieldError(_pointer(path), keyword, zh, en) for path in places]
    return errors


def _pointer(path: Sequence[Any]) -> str:
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in path)
