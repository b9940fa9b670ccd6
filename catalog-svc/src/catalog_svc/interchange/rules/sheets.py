"""Read files of three formats as numbered lines; a broken line spoils no other line."""

import csv
import io
import json
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import PurePath
from typing import Any, Final, Literal

import openpyxl

from catalog_svc.interchange.errors import UnknownFormat, UnreadableFile
from catalog_svc.interchange.rules.rows import (
    COLUMNS,
    OPTIONAL,
    RowFault,
    clean,
    read_guide,
    read_row,
)

Format = Literal["csv", "xlsx", "jsonl"]

_EXTENSIONS: Final[Mapping[str, Format]] = {
    ".csv": "csv",
    ".xlsx": "xlsx",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
}
_MEDIA_TYPES: Final[Mapping[str, Format]] = {
    "text/csv": "csv",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "xlsx",
    "application/jsonl": "jsonl",
    "application/x-jsonlines": "jsonl",
    "application/x-ndjson": "jsonl",
}
_MOST_ROWS: Final = 500_000
_LARGEST_UNPACKED: Final = 256 * 1024 * 1024
_LONGEST_RECORD: Final = 20  # physical lines one quoted record may span


@dataclass(frozen=True)
class Line:
    """Either `content` or `fault`; `raw` is the line as it was written."""

    line: int
    content: dict[str, Any] | None
    fault: RowFault | None
    raw: dict[str, Any]

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def format_of(filename: str, media_type: str | None) -> Format:
    """The format by extension, otherwise by media type."""
    by_name = _EXTENSIONS.get(PurePath(filename).suffix.lower())
    file_format = by_name or _MEDIA_TYPES.get((media_type or "").split(";")[0].strip().lower())
    if file_format is None:
        raise UnknownFormat
    return file_format


def read(content: bytes, file_format: Format) -> list[Line]:
    """Every line of the file, valid or not; a repeated code is a fault of its second line."""
    reader = {"csv": _read_csv, "xlsx": _read_xlsx, "jsonl": _read_jsonl}[file_format]
    lines = list(_without_repeats(reader(content)))
    if not lines:
        raise UnreadableFile("文件没有数据行", "it has no rows")
    if len(lines) > _MOST_ROWS:
        raise UnreadableFile(f"超过 {_MOST_ROWS} 行", f"more than {_MOST_ROWS} rows")
    return lines


def _without_repeats(lines: Iterator[Line]) -> Iterator[Line]:
    first: dict[str, int] = {}
    for line in lines:
        code = line.content["item_code"] if line.content else None
        if code in first:
            fault = RowFault(
                "item_code",
                f"事项编码与第 {first[code]} 行重复",
                f"the item code is on line {first[code]} already",
            )
            yield Line(line.line, None, fault, line.raw)
            continue
        if code is not None:
            first[code] = line.line
        yield line


def _text(content: bytes) -> str:
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise UnreadableFile("编码应为 UTF-8 或 GB18030", "its encoding is neither UTF-8 nor GB18030")


def _read_csv(content: bytes) -> Iterator[Line]:
    records = _records(_text(content).replace("\r\n", "\n").replace("\r", "\n").split("\n"))
    _, header, _ = next(records, (0, [], ""))
    names = _header(header)
    for number, cells, text in records:
        beyond = any(clean(cell) for cell in cells[len(names) :])
        if len(cells) < len(names) or beyond:
            fault = RowFault(
                None,
                f"应有 {len(names)} 列，实有 {len(cells)} 列（或引号未闭合）",
                f"{len(names)} columns expected, {len(cells)} found (or a quote is not closed)",
            )
            yield Line(number, None, fault, {"text": text[:2000]})
        else:
            yield _listed(number, dict(zip(names, cells, strict=False)))


def _records(lines: Sequence[str]) -> Iterator[tuple[int, list[str], str]]:
    """Records with the number of their first line; an unclosed quote spoils its own line only."""
    width, at = 0, 0
    while at < len(lines):
        cells, count = _record(lines[at : at + _LONGEST_RECORD], width)
        if any(clean(cell) for cell in cells):
            width = width or len(cells)
            yield at + 1, cells, "\n".join(lines[at : at + count])
        at += count


def _record(lines: Sequence[str], width: int) -> tuple[list[str], int]:
    """The first record of these lines, and the number of lines it spans."""
    reader = csv.reader((line + "\n" for line in lines), strict=True)
    try:
        cells = next(reader)
    except csv.Error:
        is_open = lines[0].count('"') % 2 == 1
        return ([lines[0]] if is_open else _cells(lines[0])), 1
    if reader.line_num == 1:
        return cells, 1
    # Two stray quotes in the last column would swallow all rows between them.
    swallows = len(_cells(lines[0])) == width and any(
        len(_cells(line)) >= width for line in lines[1 : reader.line_num]
    )
    return ([lines[0]], 1) if swallows or len(cells) != width else (cells, reader.line_num)


def _cells(line: str) -> list[str]:
    try:
        return next(csv.reader([line]), [])
    except csv.Error:
        return [line]


def _read_xlsx(content: bytes) -> Iterator[Line]:
    try:
        rows = _sheet_rows(content)
    except Exception as error:  # openpyxl raises many kinds of errors for a broken workbook
        raise UnreadableFile("不是 XLSX 工作簿", "it is not an XLSX workbook") from error
    names = _header(rows[0] if rows else [])
    for number, cells in enumerate(rows[1:], start=2):
        if any(clean(cell) for cell in cells):
            padded = [*cells, *[""] * (len(names) - len(cells))]
            yield _listed(number, dict(zip(names, padded, strict=False)))


def _sheet_rows(content: bytes) -> list[list[str]]:
    with zipfile.ZipFile(io.BytesIO(content)) as packed:
        if sum(part.file_size for part in packed.infolist()) > _LARGEST_UNPACKED:
            raise ValueError("the workbook is too large when unpacked")
    book = openpyxl.load_workbook(io.BytesIO(content), read_only=True, data_only=True)
    return [
        [_cell(value) for value in row] for row in book.worksheets[0].iter_rows(values_only=True)
    ]


def _cell(value: Any) -> str:
    if value is None:
        return ""
    # Spreadsheets store codes as numbers: 511602000000.0 is a division, not a measurement.
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def _header(cells: Sequence[str]) -> list[str]:
    names = [clean(cell).lower() for cell in cells]
    while names and not names[-1]:
        names.pop()
    missing = [name for name in COLUMNS if name not in names and name not in OPTIONAL]
    if missing:
        listed = ", ".join(missing)
        raise UnreadableFile(f"缺少列：{listed}", f"it lacks the columns {listed}")
    if len(set(names)) != len(names):
        raise UnreadableFile("列名重复", "a column name is repeated")
    return names


def _listed(number: int, cells: dict[str, str]) -> Line:
    row = read_row(cells)
    if isinstance(row, RowFault):
        return Line(number, None, row, cells)
    return Line(number, asdict(row), None, cells)


def _read_jsonl(content: bytes) -> Iterator[Line]:
    for number, text in enumerate(_text(content).split("\n"), start=1):
        if not text.strip():
            continue
        try:
            guide = read_guide(json.loads(text, parse_constant=_refuse))
            json.dumps(guide, default=str, ensure_ascii=False).encode()
        except (ValueError, RecursionError):  # a lone surrogate, too, is a ValueError
            guide = RowFault(None, "不是合法的 JSON", "not valid JSON")
        if isinstance(guide, RowFault):
            yield Line(number, None, guide, {"text": text[:2000]})
        else:
            raw = {"item_code": guide["item_code"], "name": guide.get("name")}
            yield Line(number, guide, None, raw)


def _refuse(constant: str) -> Any:
    raise ValueError(constant)
