"""File names: the pure rules."""

import unicodedata
from email.message import Message
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from case_svc.files.rules import names


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("证明.pdf", "证明.pdf"),
        ("a/b\\c.txt", "c.txt"),
        ("..", "file"),
        ("", "file"),
        ("con:aux?.pdf", "con_aux_.pdf"),
        ("  a \t b .pdf ", "a b .pdf"),
        ("x" * 300, "x" * 120),
        ("x" * 300 + "." + "y" * 40, "x" * 120),
        ("x" * 300 + ".pdf", "x" * 116 + ".pdf"),
    ],
)
def test_clean(sent, kept):
    assert names.clean(sent) == kept


@given(st.text(max_size=400))
def test_a_clean_name_is_short_visible_and_no_path(sent):
    kept = names.clean(sent)
    assert 0 < len(kept) <= names.LONGEST
    assert not set(kept) & set('/\\<>:"|?*\r\n\x00')
    assert not kept.startswith(".")
    assert all(unicodedata.category(c) not in {"Cc", "Cf", "Zl", "Zp"} for c in kept)


@given(st.text(max_size=80))
def test_the_header_gives_the_name_back_and_cannot_be_broken_out_of(sent):
    name = names.clean(sent)
    header = names.disposition(name)
    assert header.isascii()
    assert header.isprintable()
    # The standard library's own reader of the header is the second opinion.
    message = Message()
    message["Content-Disposition"] = header
    assert unquote(header.rpartition("''")[2]) == name
    assert message.get_content_disposition() == "attachment"


@pytest.mark.parametrize(
    ("name", "ending"), [("a.PDF", "pdf"), ("a", ""), (".pdf", ""), ("a.tar.gz", "gz")]
)
def test_extension(name, ending):
    assert names.extension(name) == ending
