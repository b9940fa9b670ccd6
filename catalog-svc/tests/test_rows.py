import io
import json
from dataclasses import asdict

import openpyxl
import pytest

from catalog_svc.interchange.errors import UnknownFormat, UnreadableFile
from catalog_svc.interchange.rules import sheets
from catalog_svc.interchange.rules.rows import ListedRow, RowFault, clean, read_guide, read_row

from .factories import COLUMNS, csv_of, guide, jsonl_of, row
from .test_codes import SHAPES


def lines(content, file_format="csv"):
    raw = content.encode() if isinstance(content, str) else content
    return sheets.read(raw, file_format)


def test_a_row_is_cleaned_and_its_codes_completed():
    read = read_row(row(item_name="　企业设立 \u200b", task_type="1", region_code="511602"))
    assert isinstance(read, ListedRow)
    assert (read.name, read.task_type, read.region_code) == ("企业设立", "01", "511602000000")
    assert read.parent_name is None


def test_without_department_name_the_row_still_counts():
    read = read_row(row(department_name=""))
    assert isinstance(read, ListedRow)
    assert read.department_name is None


@pytest.mark.parametrize(
    ("changes", "column"),
    [
        ({"item_name": " "}, "item_name"),
        ({"item_code": ""}, "item_code"),
        ({"department_code": ""}, "department_code"),
        ({"task_type": "许可"}, "task_type"),
        ({"region_code": "5116"}, "region_code"),
        ({"item_code": "5" * 101}, "item_code"),
        ({"item_name": "事" * 1001}, "item_name"),
        ({"item_name": "事\x00项"}, "item_name"),
    ],
)
def test_a_fault_names_its_column(changes, column):
    fault = read_row(row(**changes))
    assert isinstance(fault, RowFault)
    assert fault.column == column


@pytest.mark.parametrize("content", [[], "x", None, {}, {"item_code": 5}, {"item_code": " "}])
def test_a_guide_says_which_item_it_is_for(content):
    assert isinstance(read_guide(content), RowFault)


def test_spaces_inside_a_name_stay():
    assert clean("\ufeff 张 三 ") == "张 三"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_encodings_and_line_ends_are_tolerated(encoding, newline):
    text = csv_of([row(1), row(2)]).replace("\n", newline)
    numbered = lines(text.encode(encoding))
    assert [line.content["name"] for line in numbered] == ["事项1", "事项2"]
    assert [line.line for line in numbered] == [2, 3]


def test_every_code_shape_survives_as_written():
    numbered = lines(csv_of([row(item_code=text) for text, _, _ in SHAPES]))
    assert [line.content["item_code"] for line in numbered] == [text for text, _, _ in SHAPES]


def test_columns_may_come_in_any_order_with_others_between():
    columns = ["note", *reversed(COLUMNS)]
    (line,) = lines(csv_of([row(note="x")], columns))
    assert line.content == asdict(read_row(row()))


def test_a_code_that_stands_twice_is_reported_with_the_first_line():
    first, second = lines(csv_of([row(1), row(1, item_name="另一项")]))
    assert first.fault is None
    assert (second.line, second.fault.column, second.content) == (3, "item_code", None)
    assert "2" in second.fault.en


def test_a_bad_first_row_does_not_make_the_second_a_repeat():
    first, second = lines(csv_of([row(1, item_name=""), row(1)]))
    assert first.fault.column == "item_name"
    assert second.fault is None


def test_a_row_with_too_few_columns_is_reported_and_the_others_go_in():
    text = csv_of([row(1)]) + "only,two\n" + csv_of([row(2)]).split("\n", 1)[1]
    assert [line.fault is None for line in lines(text)] == [True, False, True]


def test_an_open_quote_costs_its_own_line_only():
    body = csv_of([row(1), row(2), row(3)]).split("\n")
    body[2] = '"' + body[2]
    numbered = lines("\n".join(body))
    assert [line.fault is None for line in numbered] == [True, False, True]
    assert [line.line for line in numbered] == [2, 3, 4]


def test_an_open_quote_in_the_last_column_is_reported_too():
    body = csv_of([row(1), row(2), row(3)]).split("\n")
    body[1] = body[1].replace(",1151", ',"1151')
    assert [line.fault is None for line in lines("\n".join(body))] == [False, True, True]


def test_two_stray_quotes_do_not_swallow_the_rows_between():
    body = csv_of([row(1), row(2), row(3), row(4)]).split("\n")
    body[1] = body[1].replace(",1151", ',"1151')
    body[3] += '"'
    numbered = lines("\n".join(body))
    assert [line.line for line in numbered] == [2, 3, 4, 5]
    assert [line.fault is None for line in numbered] == [False, True, True, True]


def test_marks_of_inches_inside_a_cell_are_no_quotes():
    body = csv_of([row(1), row(2), row(3)]).replace("事项1", '5" 管').replace("事项3", '6" 管')
    assert [line.fault for line in lines(body)] == [None, None, None]


def test_a_badly_quoted_cell_is_read_as_it_stands():
    body = csv_of([row(1)]).replace("事项1", '"事"项')
    assert lines(body)[0].content["name"] == "事项"


def test_trailing_commas_are_no_columns():
    body = csv_of([row(1), row(2)]).replace("\n", ",,\n")
    assert [line.fault for line in lines(body)] == [None, None]


def test_a_workbook_that_unpacks_to_too_much_is_refused(monkeypatch):
    monkeypatch.setattr(sheets, "_LARGEST_UNPACKED", 10)
    with pytest.raises(UnreadableFile):
        lines(workbook([COLUMNS]), "xlsx")


def test_a_quoted_line_break_stays_in_its_cell():
    numbered = lines(csv_of([row(1, parent_item_name="上\n下"), row(2)]))
    assert [line.line for line in numbered] == [2, 4]
    assert numbered[0].content["parent_name"] == "上\n下"


def test_a_cell_beyond_the_readers_limit_is_a_fault():
    numbered = lines(csv_of([row(1)]) + "x" * 200_000 + ",\n")
    assert numbered[1].fault is not None


def test_blank_lines_are_no_rows():
    assert len(lines(csv_of([row(1)]) + "\n,,,,,,\n\n")) == 1


@pytest.mark.parametrize(
    "content", [b"", b"a,b\n1,2\n", csv_of([]).encode(), b"\xff\xff\xff", b"item_code,item_code\n"]
)
def test_a_file_without_readable_rows_is_refused(content):
    with pytest.raises(UnreadableFile):
        lines(content)


def test_a_column_named_twice_is_refused():
    with pytest.raises(UnreadableFile):
        lines(csv_of([row()], [*COLUMNS, "note", "NOTE"]).replace("note", "NOTE"))


def workbook(rows):
    book, content = openpyxl.Workbook(), io.BytesIO()
    for one in rows:
        book.active.append(one)
    book.save(content)
    return content.getvalue()


def test_spreadsheet_numbers_are_read_as_codes():
    numbers = ["局", None, "事项", "C-1", 1.0, 511602000000.0, 8877, "extra"]
    numbered = lines(workbook([COLUMNS, numbers, [None] * 7]), "xlsx")
    (line,) = numbered
    assert (line.content["task_type"], line.content["region_code"]) == ("01", "511602000000")
    assert (line.content["department_code"], line.line) == ("8877", 2)


def test_whole_measures_are_codes_and_others_stay():
    assert [sheets._cell(value) for value in (7.0, 7.5, None)] == ["7", "7.5", ""]


def test_a_short_spreadsheet_row_is_reported():
    (line,) = lines(workbook([[*COLUMNS, None], ["局", None, "事项"]]), "xlsx")
    assert line.fault.column == "item_code"


@pytest.mark.parametrize("content", [b"no workbook", workbook([]), b"PK\x03\x04broken"])
def test_what_is_no_workbook_is_refused(content):
    with pytest.raises(UnreadableFile):
        lines(content, "xlsx")


def test_guides_come_one_per_line_and_broken_lines_are_reported():
    text = "\n".join(
        [jsonl_of([guide(1)]), "", "{", "[]", '{"item_code": NaN}', '{"item_code": "\\ud800"}']
    )
    numbered = lines(text, "jsonl")
    assert [line.line for line in numbered] == [1, 3, 4, 5, 6]
    assert [line.fault is None for line in numbered] == [True, False, False, False, False]
    assert numbered[0].content == guide(1)
    assert json.loads(json.dumps(numbered[0].as_json()))["raw"]["name"] == "最低生活保障"


def test_too_many_rows_are_refused(monkeypatch):
    monkeypatch.setattr(sheets, "_MOST_ROWS", 1)
    with pytest.raises(UnreadableFile):
        lines(csv_of([row(1), row(2)]))


@pytest.mark.parametrize(
    ("filename", "media_type", "expected"),
    [
        ("a.CSV", None, "csv"),
        ("a.xlsx", "text/csv", "xlsx"),
        ("a.ndjson", None, "jsonl"),
        ("blob", "text/csv; charset=utf-8", "csv"),
        ("blob", "application/x-ndjson", "jsonl"),
    ],
)
def test_the_format_follows_extension_then_media_type(filename, media_type, expected):
    assert sheets.format_of(filename, media_type) == expected


def test_another_format_is_refused():
    with pytest.raises(UnknownFormat):
        sheets.format_of("list.pdf", "application/pdf")
