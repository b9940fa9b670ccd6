"""The checks of an application form: flat, labelled, and with a legal basis for every field."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from catalog_svc.items.rules.gaps import Gap, escaped

Form = Mapping[str, Any]
FormFault = Callable[[Form], str | None]
ValueFaults = Callable[[Form, Any], Sequence[str]]

SCALARS: Final = frozenset({"string", "integer", "number", "boolean"})
COMBINATORS: Final = frozenset(
    {"$ref", "allOf", "anyOf", "oneOf", "not", "if", "then", "else", "$dynamicRef"}
)
_CHINESE: Final = re.compile(r"[\u4e00-\u9fff]")


def gaps(guide: Mapping[str, Any], form_fault: FormFault, value_faults: ValueFaults) -> list[Gap]:
    """The gaps of form, layout and sample; none while there is no form."""
    form = guide.get("form")
    if not form:
        return []
    properties = form.get("properties")
    if not isinstance(properties, dict) or not all(
        isinstance(p, dict) for p in properties.values()
    ):
        return [_gap("form_invalid", "/form/properties", "没有字段定义", "has no properties")]
    fault = form_fault(form)
    if fault:
        return [_gap("form_invalid", "/form", f"不是合法的 JSON Schema：{fault}", fault)]
    every = list(object_gaps(form, properties))
    for name, field in properties.items():
        every += field_gaps(name, field)
        every += example_gaps(name, field, name in form.get("required", ()), value_faults)
    every += layout_gaps(guide.get("form_ui") or {}, properties)
    sample = guide.get("sample_application")
    for fault in () if sample is None else value_faults(form, sample):
        zh, en = f"示范文本不符合表单：{fault}", f"sample does not fit: {fault}"
        every.append(_gap("sample_invalid", "/sample_application", zh, en))
    return every


def object_gaps(form: Form, properties: Form) -> Iterator[Gap]:
    if form.get("type") != "object" or form.get("additionalProperties") is not False:
        yield _gap(
            "form_open",
            "/form",
            "须为 type=object 且 additionalProperties=false",
            "must be an object without additional properties",
        )
    for word in sorted(COMBINATORS & form.keys()):
        yield _gap("form_combinator", f"/form/{word}", f"不得使用 {word}", f"must not use {word}")
    for name in sorted(set(form.get("required", ())) - properties.keys()):
        yield _gap(
            "form_required_unknown", "/form/required", f"没有字段 {name}", f"has no field {name}"
        )


def field_gaps(name: str, field: Form) -> Iterator[Gap]:
    pointer = f"/form/properties/{escaped(name)}"
    items = field.get("items") if field.get("type") == "array" else field
    types = {"string"} if field.get("type") == "array" else SCALARS
    kind = items.get("type") if isinstance(items, dict) else None
    if not isinstance(kind, str) or kind not in types:
        yield _gap(
            "field_not_flat",
            pointer,
            f"字段 {name} 须为简单类型或文字列表",
            f"field {name} must be a scalar or a list of strings",
        )
    for word in sorted(COMBINATORS & field.keys()):
        yield _gap(
            "form_combinator", f"{pointer}/{word}", f"不得使用 {word}", f"must not use {word}"
        )
    if not _CHINESE.search(str(field.get("title", ""))):
        yield _gap(
            "field_untitled",
            f"{pointer}/title",
            f"字段 {name} 须有中文名称",
            f"{name} lacks a title",
        )
    if not str(field.get("x-basis") or "").strip():
        yield _gap(
            "field_without_basis",
            f"{pointer}/x-basis",
            f"字段 {name} 须有收集依据（行政许可法第二十九条）",
            f"{name} lacks its legal basis (x-basis)",
        )
    if not isinstance(field.get("x-personal", False), bool):
        yield _gap("field_personal", f"{pointer}/x-personal", "须为是或否", "must be true or false")


def example_gaps(
    name: str, field: Form, required: bool, value_faults: ValueFaults
) -> Iterator[Gap]:
    """A required field has examples, and every example fits its field."""
    pointer = f"/form/properties/{escaped(name)}"
    examples = field.get("examples") or []
    if required and not examples:
        yield _gap(
            "field_without_example",
            f"{pointer}/examples",
            "必填字段须有示例",
            "a required field needs examples",
        )
    for position, example in enumerate(examples):
        for fault in value_faults(field, example):
            yield _gap(
                "example_invalid",
                f"{pointer}/examples/{position}",
                f"示例不符合字段定义：{fault}",
                f"the example does not fit its field: {fault}",
            )


def layout_gaps(layout: Form, properties: Form) -> Iterator[Gap]:
    references = [("/form_ui/order", name) for name in layout.get("order", ())]
    for position, group in enumerate(layout.get("groups", ())):
        references += [(f"/form_ui/groups/{position}/fields", name) for name in group["fields"]]
    for pointer, name in references:
        if name not in properties:
            yield _gap("layout_unknown_field", pointer, f"没有字段 {name}", f"has no field {name}")


def _gap(code: str, pointer: str, zh: str, en: str) -> Gap:
    return Gap(code, pointer, f"表单：{zh}", f"Form: {en}")
