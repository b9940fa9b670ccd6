"""Answers and form of an application against the guide: what is wrong, with pointers."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import jsonschema_rs

from case_svc.items.rules import materials
from chassis.errors import FieldError

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
