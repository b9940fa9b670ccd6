"""What an application form must be: plain, explained, asking nothing without ground."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from catalog_svc.items.rules.gaps import Gap, escaped

Form = Mapping[str, Any]
FormFault = Callable[[Form], str | None]
FillFaults = Callable[[Form, Any], Sequence[str]]

SCALARS: Final = frozenset({"string", "integer", "number", "boolean"})
COMBINATORS: Final = frozenset(
    {"$ref", "allOf", "anyOf", "oneOf", "not", "if", "then", "else", "$dynamicRef"}
)
_CHINESE: Final = re.compile(r"[\u4e00-\u9fff]")


def gaps(guide: Mapping[str, Any], form_fault: FormFault, fill_faults: FillFaults) -> list[Gap]:
    """The gaps of form, layout and sample; nothing when there is no form yet."""
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
    found = list(_frame(form, properties))
    for name, field in properties.items():
        found += _field(name, field, name in form.get("required", ()), fill_faults)
    found += _layout(guide.get("form_ui") or {}, properties)
    return found + list(_sample(guide.get("sample_application"), form, fill_faults))


def _frame(form: Form, properties: Form) -> Iterator[Gap]:
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


def _field(name: str, field: Form, required: bool, fill_faults: FillFaults) -> Iterator[Gap]:
    pointer = f"/form/properties/{escaped(name)}"
    if not _is_flat(field):
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
            f"{name} lacks the ground for asking (x-basis)",
        )
    if not isinstance(field.get("x-personal", False), bool):
        yield _gap("field_personal", f"{pointer}/x-personal", "须为是或否", "must be true or false")
    yield from _examples(pointer, field, required, fill_faults)


def _is_flat(field: Form) -> bool:
    if field.get("type") == "array":
        items = field.get("items")
        return isinstance(items, dict) and items.get("type") == "string"
    return isinstance(field.get("type"), str) and field["type"] in SCALARS


def _examples(pointer: str, field: Form, required: bool, fill_faults: FillFaults) -> Iterator[Gap]:
    examples = field.get("examples") or []
    if required and not examples:
        yield _gap(
            "field_without_example",
            f"{pointer}/examples",
            "必填字段须有示例",
            "a required field needs examples",
        )
    for place, example in enumerate(examples):
        for fault in fill_faults(field, example):
            yield _gap(
                "example_invalid",
                f"{pointer}/examples/{place}",
                f"示例不符合字段定义：{fault}",
                f"the example does not fit its field: {fault}",
            )


def _layout(layout: Form, properties: Form) -> Iterator[Gap]:
    named = [("/form_ui/order", name) for name in layout.get("order", ())]
    for place, group in enumerate(layout.get("groups", ())):
        named += [(f"/form_ui/groups/{place}/fields", name) for name in group["fields"]]
    for pointer, name in named:
        if name not in properties:
            yield _gap("layout_unknown_field", pointer, f"没有字段 {name}", f"has no field {name}")


def _sample(sample: Any, form: Form, fill_faults: FillFaults) -> Iterator[Gap]:
    if sample is None:
        return
    for fault in fill_faults(form, sample):
        yield _gap(
            "sample_invalid",
            "/sample_application",
            f"示范文本不符合表单：{fault}",
            f"sample does not fit: {fault}",
        )


def _gap(code: str, pointer: str, zh: str, en: str) -> Gap:
    return Gap(code, pointer, f"表单：{zh}", f"Form: {en}")
