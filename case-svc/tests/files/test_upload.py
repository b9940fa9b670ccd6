"""POST /api/v1/files"""

import base64
import hashlib
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from case_svc.files.models import FileUpload, StoredFile
from case_svc.files.usecases import sweep_uploads
from chassis import clock

from . import factories
from .factories import PDF, post_raw, raw_part, upload


def slug(response):
    return response.json()["type"].removeprefix("urn:onenet:problem:")


def code(response):
    return response.json()["errors"][0]["code"]


async def objects(process):
    return [entry["path"] for batch in process.files.store.list() for entry in batch]


@pytest.mark.parametrize(
    ("name", "content", "declared", "media_type"),
    [
        ("证明.pdf", factories.PDF, "application/pdf", "application/pdf"),
        ("a.PNG", factories.PNG, "image/png", "image/png"),
        ("a.jpg", factories.JPEG, "image/jpg", "image/jpeg"),
        ("a.jpeg", factories.JPEG, "image/jpeg", "image/jpeg"),
        ("a.webp", factories.WEBP, "image/webp", "image/webp"),
        ("a.tif", factories.TIFF, "image/tiff", "image/tiff"),
        ("a.mp4", factories.MP4, "video/mp4", "video/mp4"),
        ("a.txt", factories.TEXT, "text/plain; charset=utf-8", "text/plain"),
        ("a.ofd", factories.OFD, "application/zip", "application/ofd"),
        ("a.ofd", factories.OFD, "application/octet-stream", "application/ofd"),
        (
            "a.docx",
            factories.DOCX,
            "",
            "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        ),
        (
            "a.xlsx",
            factories.XLSX,
            "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        ),
    ],
)
async def test_each_accepted_kind_is_kept(client, token, name, content, declared, media_type):
    response = await upload(client, token(), content, name, declared)
    assert response.status_code == 201, response.text
    assert response.json() == {
        "file_id": response.json()["file_id"],
        "name": name,
        "size": len(content),
        "media_type": media_type,
        "sha256": factories.sha256(content),
    }
    assert response.headers["location"] == f"/api/v1/files/{response.json()['file_id']}"


@pytest.mark.parametrize(
    ("name", "content", "declared"),
    [
        ("a.pdf", factories.PNG, "application/pdf"),
        ("a.pdf", factories.PDF, "image/png"),
        ("a.png", factories.PDF, "application/pdf"),
        ("a.exe", b"MZ" + b"\x00" * 60, "application/octet-stream"),
        ("a.html", b"<script>alert(1)</script>", "text/html"),
        ("a.svg", b"<svg xmlns='http://www.w3.org/2000/svg'/>", "image/svg+xml"),
        ("a.docx", factories.OFD, "application/zip"),
        ("a.ofd", factories.DOCX, "application/zip"),
        ("a.xlsx", b"PK\x03\x04" + b"x" * 60, "application/zip"),
        ("a.txt", b"looks like text" + b" " * 40 + b"\x00", "text/plain"),
        ("a.txt", b"short\x00", "text/plain"),
        ("a.pdf", b"%P", "application/pdf"),
        ("nameless", factories.PDF, "application/octet-stream"),
        ("a.pdf.exe", factories.PDF, "application/pdf"),
    ],
)
async def test_content_name_and_type_that_disagree_are_415(
    client, process, session, token, name, content, declared
):
    response = await upload(client, token(), content, name, declared)
    assert (response.status_code, slug(response)) == (415, "file-type-refused")
    assert await session.scalar(select(func.count()).select_from(StoredFile)) == 0


async def test_a_file_without_extension_is_judged_by_its_declared_type(client, token):
    response = await upload(client, token(), PDF, "scan", "application/pdf")
    assert response.json()["media_type"] == "application/pdf"


async def test_staff_may_upload(client, token):
    staff = token("staff", department="D", region="511602000000", roles=["clerk"])
    assert (await upload(client, staff)).status_code == 201


async def test_nobody_and_systems_may_not(client, token):
    assert (await upload(client, {})).status_code == 401
    assert (await upload(client, token("system", department="D"))).status_code == 403


async def test_empty_is_422(client, token):
    response = await upload(client, token(), b"")
    assert (response.status_code, slug(response), code(response)) == (422, "file-empty", "empty")


async def test_missing_part_is_422(client, token):
    response = await post_raw(client, token(), b"--b--\r\n")
    assert (response.status_code, code(response)) == (422, "missing")


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (raw_part(b'form-data; name="file"', PDF) + b"--b--", "no_name"),
        (raw_part(b'form-data; name="other"; filename="a.pdf"', PDF) + b"--b--", "extra_forbidden"),
        (raw_part(b'form-data; name="file"; filename="a.pdf"', PDF), "multipart"),
        (raw_part(b'form-data; name="file"; filename="a.pdf"', PDF) * 2 + b"--b--", "repeated"),
        (raw_part(b"", PDF) + b"--b--", "extra_forbidden"),
        (b"no multipart at all", "multipart"),
        (b"", "multipart"),
    ],
)
async def test_malformed_bodies_are_422(client, token, body, expected):
    response = await post_raw(client, token(), body)
    assert (response.status_code, code(response)) == (422, expected)


@pytest.mark.parametrize(
    "kind",
    ["application/json", "multipart/form-data", "multipart/mixed; boundary=b", "", "multipart/"],
)
async def test_other_bodies_are_415(client, token, kind):
    headers = token() | {"Content-Type": kind}
    response = await client.post("/api/v1/files", content=b"{}", headers=headers)
    assert (response.status_code, slug(response)) == (415, "not-multipart")


async def test_a_boundary_beyond_all_measure_is_415(client, token):
    headers = token() | {"Content-Type": f"multipart/form-data; boundary={'b' * 300}"}
    response = await client.post("/api/v1/files", content=b"{}", headers=headers)
    assert response.status_code == 415


async def test_the_reading_stops_early_when_the_file_is_too_large(client, process, token):
    limit = process.settings.file_limit_bytes
    sent = 0

    async def endless():
        nonlocal sent
        yield b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.pdf"\r\n\r\n%PDF-'
        while True:
            sent += 1024 * 1024
            yield b"x" * 1024 * 1024

    response = await client.post(
        "/api/v1/files",
        content=endless(),
        headers=token() | {"Content-Type": "multipart/form-data; boundary=b"},
    )
    assert (response.status_code, slug(response)) == (413, "file-too-large")
    assert sent <= limit + 2 * 1024 * 1024


async def test_a_length_beyond_the_limit_is_refused_unread(client, process, token):
    async def untouched():
        raise AssertionError("the body was read")
        yield b""

    length = str(process.settings.file_limit_bytes + 1024 * 1024)
    response = await client.post(
        "/api/v1/files",
        content=untouched(),
        headers=token()
        | {"Content-Type": "multipart/form-data; boundary=b", "Content-Length": length},
    )
    assert response.status_code == 413


async def test_a_good_digest_is_verified(client, token):
    digest = base64.b64encode(hashlib.sha256(PDF).digest()).decode()
    response = await upload(client, token(), Repr_Digest=f"sha-512=:AAAA:, sha-256=:{digest}:")
    assert response.status_code == 201


async def test_another_digest_is_422_and_nothing_is_kept(client, process, session, token):
    before = await objects(process)
    digest = base64.b64encode(hashlib.sha256(b"other").digest()).decode()
    response = await upload(client, token(), Repr_Digest=f"sha-256=:{digest}:")
    assert (response.status_code, slug(response)) == (422, "digest-mismatch")
    assert await objects(process) == before
    assert await session.scalar(select(func.count()).select_from(StoredFile)) == 0


@pytest.mark.parametrize("header", ["sha-256=abc", "sha-256=:AAAA:", "sha-256=:A:", "?", ""])
async def test_an_unreadable_digest_is_422(client, token, header):
    response = await upload(client, token(), Repr_Digest=header)
    assert (response.status_code, slug(response)) == (422, "bad-digest")


async def test_a_digest_in_the_part_is_verified_too(client, token):
    wrong = base64.b64encode(hashlib.sha256(b"other").digest())
    head = b'form-data; name="file"; filename="a.pdf"'
    body = raw_part(head, PDF, b"Repr-Digest: sha-256=:" + wrong + b":") + b"--b--"
    response = await post_raw(client, token(), body)
    assert slug(response) == "digest-mismatch"


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        (b"../../etc/passwd.pdf", "passwd.pdf"),
        (b"C:\\\\Users\\\\x\\\\scan.pdf", "scan.pdf"),
        ("a\u202efdp.pdf".encode(), "afdp.pdf"),
        ("户口本\x7f.pdf".encode(), "户口本.pdf"),
        ("身份证.pdf".encode("gb18030"), "身份证.pdf"),
        (b"....pdf", "pdf"),
        (b"a<b>|c?.pdf", "a_b__c_.pdf"),
        (b"x" * 400 + b".pdf", "x" * 116 + ".pdf"),
    ],
)
async def test_names_from_strangers_are_made_harmless(client, token, sent, kept):
    head = b'form-data; name="file"; filename="' + sent + b'"'
    body = raw_part(head, PDF, b"Content-Type: application/pdf") + b"--b--"
    response = await post_raw(client, token(), body)
    assert response.status_code == 201, response.text
    assert response.json()["name"] == kept


async def test_the_name_stands_encrypted(client, session, token):
    await upload(client, token(), PDF, "王小明身份证.pdf")
    stored = await session.scalar(select(StoredFile))
    assert "王小明".encode() not in stored.name


async def test_the_same_key_gives_the_same_file(client, token):
    who = token()
    first = await upload(client, who, Idempotency_Key="k1")
    again = await upload(client, who, Idempotency_Key="k1")
    assert again.status_code == 201
    assert again.json() == first.json()
    other = await upload(client, who, factories.PNG, "a.png", "image/png", Idempotency_Key="k1")
    assert (other.status_code, slug(other)) == (422, "idempotency-key-reused")


async def test_orphans_are_swept_and_kept_files_stay(client, process, session, token):
    who = token()
    kept = (await upload(client, who, Idempotency_Key="k2")).json()["file_id"]
    await upload(client, who, Idempotency_Key="k2")  # replayed: its object has no row
    assert await session.scalar(select(func.count()).select_from(FileUpload)) == 1
    orphan = await session.scalar(select(FileUpload.object_key))
    await sweep_uploads(session)
    assert await process.files.exists(orphan)
    with clock.freeze(clock.now() + timedelta(hours=2)):
        await sweep_uploads(session)
    assert not await process.files.exists(orphan)
    assert await session.scalar(select(func.count()).select_from(FileUpload)) == 0
    assert (await client.get(f"/api/v1/files/{kept}", headers=who)).status_code == 200


async def test_an_upload_that_was_swept_meanwhile_is_409(client, process, token, monkeypatch):
    # A slow upload, without waiting an hour: the announcement is gone when the bytes are in.
    whole_put = type(process.files).put

    async def slow_put(files, key, chunks):
        await whole_put(files, key, chunks)
        async with process.sessions.begin() as other:
            await other.execute(FileUpload.__table__.delete())

    monkeypatch.setattr(type(process.files), "put", slow_put)
    response = await upload(client, token())
    assert (response.status_code, slug(response)) == (409, "upload-expired")


async def test_problems_speak_english_when_asked(client, token):
    who = token() | {"Accept-Language": "en"}
    response = await upload(client, who, b"")
    assert response.json()["detail"] == "The file is empty. Choose a file with content."


async def test_an_upload_that_breaks_off_is_422_and_keeps_nothing(app, process, token):
    before = await objects(process)
    head = raw_part(b'form-data; name="file"; filename="a.pdf"', PDF)
    events = iter(
        [{"type": "http.request", "body": head, "more_body": True}, {"type": "http.disconnect"}]
    )
    sent = []

    async def receive():
        return next(events)

    async def send(message):
        sent.append(message)

    headers = token() | {"content-type": "multipart/form-data; boundary=b"}
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/api/v1/files",
        "query_string": b"",
        "headers": [(key.lower().encode(), value.encode()) for key, value in headers.items()],
    }
    await app(scope, receive, send)
    assert sent[0]["status"] == 422
    assert await objects(process) == before
