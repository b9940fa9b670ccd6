"""One row of an item list, cleaned and checked; a fault names the column and the reason."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from catalog_svc.items.rules import codes

COLUMNS: Final = (
    "department_name",
    "parent_item_name",
    "item_name",
    "item_code",
    "task_type",
    "region_code",
    "department_code",
)
OPTIONAL: Final = frozenset({"parent_item_name", "department_name"})
_LONGEST: Final = {"item_code": 100, "department_code": 50, "department_name": 200}
_LONGEST_NAME: Final = 1000
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_INVISIBLE: Final = "\ufeff\u200b\u200e\u200f"


@dataclass(frozen=True)
class RowFault:
    column: str | None
    zh: str
    en: str


@dataclass(frozen=True)
class ListedRow:
    """A valid row; codes are as written, but the type has 2 digits and the division 12."""

    item_code: str
    name: str
    parent_name: str | None
    task_type: str
    department_code: str
    department_name: str | None
    region_code: str


def read_row(cells: Mapping[str, str]) -> ListedRow | RowFault:
    """The row, or its first fault."""
    row = {name: clean(cells.get(name, "")) for name in COLUMNS}
    fault = _fault(row)
    if fault is not None:
        return fault
    task_type, region = codes.task_type(row["task_type"]), codes.region_code(row["region_code"])
    if task_type is None:
        return RowFault(
            "task_type",
            f"事项类型应为 1–2 位数字：{row['task_type']}",
            f"an item type is 1–2 digits, not {row['task_type']}",
        )
    if region is None:
        return RowFault(
            "region_code",
            f"行政区划代码应为 6 或 12 位数字：{row['region_code']}",
            f"a division code has 6 or 12 digits, not {row['region_code']}",
        )
    return ListedRow(
        item_code=row["item_code"],
        name=row["item_name"],
        parent_name=row["parent_item_name"] or None,
        task_type=task_type,
        department_code=row["department_code"],
        department_name=row["department_name"] or None,
        region_code=region,
    )


def clean(text: str) -> str:
    """The text without surrounding spaces (of any width) and invisible marks."""
    return text.strip().strip(_INVISIBLE).strip()


def read_guide(content: Any) -> dict[str, Any] | RowFault:
    """A line of JSONL: a guide with at least the code of its item."""
    if not isinstance(content, dict):
        return RowFault(None, "每行应为一个 JSON 对象", "each line is one JSON object")
    code = content.get("item_code")
    if not isinstance(code, str) or not code.strip():
        return RowFault("item_code", "缺少事项编码", "the item code is missing")
    return content


def _fault(row: Mapping[str, str]) -> RowFault | None:
    for name in COLUMNS:
        if not row[name] and name not in OPTIONAL:
            return RowFault(name, f"{name} 为空", f"{name} is empty")
        if len(row[name]) > _LONGEST.get(name, _LONGEST_NAME):
            return RowFault(name, f"{name} 过长", f"{name} is too long")
        if _CONTROL.search(row[name]):
            return RowFault(name, f"{name} 含控制字符", f"{name} holds a control character")
    return None
