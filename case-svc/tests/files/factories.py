"""Files that are what they say, small; and bodies no browser would send."""

import hashlib
import io
import zipfile

import httpx

PDF = b"%PDF-1.7\n%" + b"\xe2\xe3\xcf\xd3" + b"\n1 0 obj\n<<>>\nendobj\ntrailer\n<<>>\n%%EOF\n"
PNG = b"\x89PNG\r\n\x1a\n" + b"\x00" * 40
JPEG = b"\xff\xd8\xff\xe0\x00\x10JFIF" + b"\x00" * 40
MP4 = b"\x00\x00\x00\x18ftypmp42" + b"\x00" * 40
WEBP = b"RIFF\x24\x00\x00\x00WEBPVP8 " + b"\x00" * 30
TIFF = b"II*\x00" + b"\x00" * 40
TEXT = "申请说明：家庭人口三人。\n".encode()


def archive(*members: str) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as writer:
        for member in members:
            writer.writestr(member, "<x/>")
    return target.getvalue()


OFD = archive("OFD.xml", "Doc_0/Document.xml")
DOCX = archive("[Content_Types].xml", "word/document.xml")
XLSX = archive("[Content_Types].xml", "xl/workbook.xml")


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


async def upload(
    client: httpx.AsyncClient,
    who: dict[str, str],
    content: bytes = PDF,
    name: str = "证明.pdf",
    media_type: str = "application/pdf",
    **headers: str,
) -> httpx.Response:
    more = {key.replace("_", "-"): value for key, value in headers.items()}
    return await client.post(
        "/api/v1/files", files={"file": (name, content, media_type)}, headers=who | more
    )


def raw_part(disposition: bytes, content: bytes, *more: bytes) -> bytes:
    lines = [b"--b", b"Content-Disposition: " + disposition, *more, b"", content]
    return b"\r\n".join(lines) + b"\r\n"


async def post_raw(
    client: httpx.AsyncClient, who: dict[str, str], body: bytes, **headers: str
) -> httpx.Response:
    kind = {"Content-Type": "multipart/form-data; boundary=b"}
    return await client.post("/api/v1/files", content=body, headers=who | kind | headers)
