"""Digests, kinds, parts and inspection without a server."""

import base64
import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from case_svc.files.errors import (
    BadDigest,
    DigestMismatch,
    FileEmpty,
    FileTooLarge,
    FileTypeRefused,
    NotMultipart,
    UploadBroken,
)
from case_svc.files.rules import digests, media
from case_svc.files.rules.inspection import Inspection
from case_svc.files.rules.parts import FileForm

from .factories import DOCX, PDF, raw_part

GOOD = hashlib.sha256(PDF).digest()


def test_digest_fields_are_read_as_written():
    assert digests.sha256_of(None) is None
    assert digests.sha256_of(digests.field(GOOD)) == GOOD
    assert digests.sha256_of("sha-512=:AAAA:") is None
    assert digests.sha256_of(f"md5=:AA==:, {digests.field(GOOD)}") == GOOD


@pytest.mark.parametrize("header", ["", "sha-256", "sha-256=:@:", "sha-256=:A:", "sha-256=:AAAA:"])
def test_bad_digest_fields(header):
    with pytest.raises(BadDigest):
        digests.sha256_of(header)


def test_every_kind_is_found_by_its_own_extension_and_type():
    for kind in media.KINDS:
        offset, mark = kind.starts[0]
        head = b"\x01" * offset + mark + b"\x01" * 20
        for ending in kind.extensions:
            assert media.kind_of(ending, kind.media_type, head) is kind
        assert media.kind_of(kind.extensions[0], "", head) is kind


def test_no_extension_and_no_type_is_no_kind():
    with pytest.raises(FileTypeRefused):
        media.kind_of("", "application/octet-stream", PDF)


@given(st.lists(st.integers(1, 40), min_size=1, max_size=30))
def test_an_inspection_does_not_depend_on_how_the_stream_is_cut(cuts):
    inspection, at = Inspection(10_000), 0
    for cut in [*cuts, len(DOCX)]:
        inspection.feed(DOCX[at : at + cut], extension="docx", declared="")
        at += cut
    kind = inspection.conclude(extension="docx", declared="", expected=None)
    assert kind.extensions == ("docx",)
    assert inspection.sha256 == hashlib.sha256(DOCX).digest()
    assert inspection.size == len(DOCX)


def test_inspection_names_what_is_wrong():
    with pytest.raises(FileEmpty):
        Inspection(9).conclude(extension="pdf", declared="", expected=None)
    with pytest.raises(FileTooLarge):
        Inspection(9).feed(PDF, extension="pdf", declared="")
    inspection = Inspection(10_000)
    inspection.feed(PDF, extension="pdf", declared="")
    inspection.feed(b"more", extension="pdf", declared="")
    with pytest.raises(DigestMismatch):
        inspection.conclude(extension="pdf", declared="", expected=GOOD)
    short = Inspection(10_000)
    short.feed(b"%PDF-", extension="pdf", declared="")
    assert short.conclude(extension="pdf", declared="", expected=None).media_type.endswith("pdf")


BODY = raw_part(b'form-data; name="file"; filename="a.pdf"', PDF, b"Content-Type: x/y") + b"--b--"


@given(st.lists(st.integers(1, 60), max_size=20))
def test_a_form_does_not_depend_on_how_the_body_is_cut(cuts):
    form, at, found = FileForm("multipart/form-data; boundary=b"), 0, b""
    for cut in [*cuts, len(BODY)]:
        found += form.feed(BODY[at : at + cut])
        at += cut
    form.conclude()
    assert (found, form.name, form.extension, form.declared) == (PDF, "a.pdf", "pdf", "x/y")
    assert form.digest is None


def test_forms_that_are_none():
    for kind in (
        "",
        "text/plain",
        "multipart/form-data",
        f"multipart/form-data; boundary={300 * 'b'}",
    ):
        with pytest.raises(NotMultipart):
            FileForm(kind)
    with pytest.raises(UploadBroken):
        FileForm("multipart/form-data; boundary=b").feed(b"nothing of the kind")


def test_a_digest_of_the_part_is_told():
    form = FileForm("multipart/form-data; boundary=b")
    head = b'form-data; name="file"; filename="%22a%0D%0A.pdf"'
    value = base64.b64encode(GOOD)
    form.feed(raw_part(head, PDF, b"Repr-Digest: sha-256=:" + value + b":"))
    assert form.name == "_a.pdf"
    assert digests.sha256_of(form.digest) == GOOD
