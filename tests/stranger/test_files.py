"""Uploading a file, and who may read it back."""

from __future__ import annotations

import base64
import hashlib

from .client import PDF, Visitor, done, refused
from .journey import Network

PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d49444154"
    "789c6360000002000001e221bc330000000049454e44ae426082"
)


def test_an_upload_answers_with_what_arrived(citizen: Visitor) -> None:
    kept = done(citizen.post("/files", files={"file": ("照片.png", PNG, "image/png")}), 201)
    assert kept["name"] == "照片.png"
    assert kept["size"] == len(PNG)
    assert kept["media_type"] == "image/png"
    assert kept["sha256"] == hashlib.sha256(PNG).hexdigest()
    back = citizen.get(f"/files/{kept['file_id']}")
    assert back.status_code == 200
    assert back.content == PNG


def test_a_digest_that_is_right_is_kept_and_one_that_is_wrong_is_422(citizen: Visitor) -> None:
    right = base64.b64encode(hashlib.sha256(PDF).digest()).decode()
    wrong = base64.b64encode(hashlib.sha256(b"else").digest()).decode()
    files = {"file": ("a.pdf", PDF, "application/pdf")}
    done(citizen.post("/files", files=files, headers={"Repr-Digest": f"sha-256=:{right}:"}), 201)
    refused(citizen.post("/files", files=files, headers={"Repr-Digest": f"sha-256=:{wrong}:"}), 422)


def test_a_file_of_somebody_else_is_not_there(network: Network, citizen: Visitor) -> None:
    file_id = citizen.upload()
    other = network.register()
    refused(other.get(f"/files/{file_id}"), 404)
    refused(network.public.get(f"/files/{file_id}"), 401)
    staff = network.sign_in(next(s for s in network.samples["staff"] if s["roles"] == ["clerk"]))
    refused(staff.get(f"/files/{file_id}"), 404)


def test_a_programme_is_415_whatever_it_calls_itself(citizen: Visitor) -> None:
    exe = b"MZ" + bytes(200)
    refused(citizen.post("/files", files={"file": ("a.exe", exe, "application/x-msdownload")}), 415)
    refused(citizen.post("/files", files={"file": ("a.pdf", exe, "application/pdf")}), 415, 422)


def test_a_file_beyond_the_limit_is_413(citizen: Visitor) -> None:
    big = PDF + bytes(64 * 1024 * 1024)
    refused(citizen.post("/files", files={"file": ("a.pdf", big, "application/pdf")}), 413)


def test_an_empty_or_missing_file_is_422(citizen: Visitor) -> None:
    refused(citizen.post("/files", files={"file": ("a.pdf", b"", "application/pdf")}), 422)
    refused(citizen.post("/files", files={"else": ("a.pdf", PDF, "application/pdf")}), 422)
    refused(citizen.post("/files", json={"file": "x"}), 415, 422)


def test_nobody_uploads_without_signing_in(network: Network) -> None:
    refused(network.public.post("/files", files={"file": ("a.pdf", PDF, "application/pdf")}), 401)
