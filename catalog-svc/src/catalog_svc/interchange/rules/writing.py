"""Items and guides as text that an import reads back unchanged."""

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, Protocol

from catalog_svc.interchange.rules.rows import COLUMNS

_EXTRA: Final = ("status", "version")
_BOM: Final = "\ufeff"  # without it, spreadsheets assume a local encoding


class Listed(Protocol):
    """The columns of an exported row."""

    item_code: str
    name: str
    parent_name: str | None
    task_type: str
    department_code: str
    department_name: str | None
    region_code: str
    status: str
    version: int


def csv_header() -> str:
    return _BOM + _lines([[*COLUMNS, *_EXTRA]])


def csv_rows(items: Iterable[Listed]) -> str:
    return _lines(
        [
            item.department_name or "",
            item.parent_name or "",
            item.name,
            item.item_code,
            item.task_type,
            item.region_code,
            item.department_code,
            item.status,
            item.version,
        ]
        for item in items
    )


def json_lines(guides: Iterable[Mapping[str, Any]]) -> str:
    return "".join(
        json.dumps(guide, ensure_ascii=False, separators=(",", ":")) + "\n" for guide in guides
    )


def _lines(rows: Iterable[Sequence[Any]]) -> str:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue()
