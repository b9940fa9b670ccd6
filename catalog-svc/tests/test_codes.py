# ruff: noqa: E501 - the table of shapes reads best with one shape per line
import csv
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum.cn import uscc

from catalog_svc.items.rules import codes

REAL_LIST = Path(__file__).parents[2].parent / "shared" / "data" / "guangan-items.csv"
NATIONAL = "11370800MB285591843370117002011"

# One code of every shape found on a real district's list, with what it must give.
SHAPES = [
    ("511Z07001006-511602000000-000-11511301008778183N-1-00", "511Z07001006", "11511301008778183N"),
    ("512C0053300008-511602000000-000-115113010833722043-1-00", "512C0053300008", "115113010833722043"),
    ("512B0053300003-511602000000-000-083372204-1-00", "512B0053300003", "083372204"),
    ("512C0100900001-511602000000-000-00877868-5-1-00", "512C0100900001", "00877868-5"),
    ("511A0126800000-511602000000-000-76726532-X-1-00", "511A0126800000", "76726532-X"),
    ("51201300200004-511602000000-000-11511301008778220W-1-00", "51201300200004", "11511301008778220W"),
    ("512012002012-511602000000-000-115113010087786859-1-00", "512012002012", "115113010087786859"),
    ("511F0045400001-511602000000-000-11511301452259996u-1-00", "511F0045400001", "11511301452259996u"),
    ("511A62001004-511602000000-000-TE5116020105116050-1-00", "511A62001004", "TE5116020105116050"),
    ("Z-000147-001-511602000000-000-12511300452258950C-1-00", "Z-000147-001", "12511300452258950C"),
    ("1J-5100-00027-511602000000-000-11511301008778386B-1-00", "1J-5100-00027", "11511301008778386B"),
    ("511Z0613600000-511602000000-000-11511301MB1D685275-2-00", "511Z0613600000", "11511301MB1D685275"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "base", "issuer"), SHAPES)
def test_every_provincial_shape_is_read(text, base, issuer):
    code = codes.parse(text)
    assert (code.kind, code.base, code.issuer) == ("sichuan", base, issuer)
    assert (code.region, code.variant, code.serial) == ("511602000000", "000", "00")
    assert code.text == text
    assert code.task_code is None


@pytest.mark.parametrize(
    ("text", "issuer"),
    [
        ("E-000004-001-11511301008778386B", "11511301008778386B"),
        ("E-000021-001-1111111111111111", "1111111111111111"),
    ],
)
def test_the_short_shape_is_read(text, issuer):
    code = codes.parse(text)
    assert (code.kind, code.issuer) == ("sichuan_short", issuer)
    assert code.parts() == {
        "text": text,
        "kind": "sichuan_short",
        "base": text[:12],
        "issuer": issuer,
    }


@pytest.mark.parametrize(
    "text",
    [
        "12441500196720244T3442199806003",
        NATIONAL,
        "11440000MB2D0164XH2440289876000",
        "11440100007482575H3440118009000",
    ],
)
def test_real_national_codes_are_read(text):
    code = codes.parse(text)
    assert (code.kind, code.issuer, code.level) == ("national", text[:18], text[18])
    assert (code.catalog_code, code.task_code) == (text[19:], text)


def test_a_handling_item_adds_two_digits_to_the_national_code():
    code = codes.parse(NATIONAL + "01")
    assert (code.kind, code.task_code, code.serial) == ("national_handling", NATIONAL, "01")


def test_a_wrong_check_character_makes_it_no_national_code():
    assert codes.parse("21370800MB285591843370117002011").kind == "other"


@given(st.text())
def test_any_text_is_kept_as_written(text):
    assert codes.parse(text).text == text


@given(st.text(alphabet=codes.ALPHABET, min_size=18, max_size=18))
def test_the_credit_code_check_agrees_with_stdnum(text):
    right = text[:2] + "511602" + text[8:17]
    whole = right + uscc.calc_check_digit(right)
    assert codes.uscc_is_valid(whole)
    assert codes.uscc_is_valid(text) == (uscc.calc_check_digit(text[:17]) == text[17])


def test_what_is_no_credit_code_is_not_valid():
    assert not codes.uscc_is_valid("11511301452259996u")
    assert not codes.uscc_is_valid("123")


@pytest.mark.parametrize(
    ("written", "read"), [("1", "01"), ("20", "20"), ("", None), ("x", None), ("100", None)]
)
def test_item_types_have_two_digits(written, read):
    assert codes.task_type(written) == read


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("511602", "511602000000"),
        ("511602001002", "511602001002"),
        ("5116", None),
        ("51160x", None),
    ],
)
def test_divisions_have_twelve_digits(written, read):
    assert codes.region_code(written) == read


def test_a_village_lies_in_its_town_county_city_and_province():
    assert codes.region_and_above("511602001002") == [
        "511602001002",
        "511602001000",
        "511602000000",
        "511600000000",
        "510000000000",
    ]
    assert codes.region_and_above("510000000000") == ["510000000000"]


@pytest.mark.skipif(not REAL_LIST.exists(), reason="the real list is not beside the repository")
def test_every_code_of_the_real_list_is_read():
    with REAL_LIST.open(encoding="utf-8-sig") as file:
        kinds = [codes.parse(row["item_code"]).kind for row in csv.DictReader(file)]
    assert (len(kinds), kinds.count("sichuan"), kinds.count("sichuan_short")) == (665, 663, 2)
