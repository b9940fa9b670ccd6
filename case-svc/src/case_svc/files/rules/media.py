"""What may be uploaded, and how its first and last bytes must look.

A type counts only when extension, declared type and content agree; the content decides.
"""

from dataclasses import dataclass
from typing import Final

from case_svc.files.errors import FileTypeRefused

HEAD_BYTES: Final = 16
TAIL_BYTES: Final = 128 * 1024
_ZIP: Final = b"PK\x03\x04"
_ZIP_TYPES: Final = ("application/zip", "application/x-zip-compressed")
_OFFICE: Final = "application/vnd.openxmlformats-officedocument"


@dataclass(frozen=True)
class Kind:
    """`starts` are (offset, bytes) of which one must match; `holds` must stand in the tail."""

    media_type: str
    extensions: tuple[str, ...]
    starts: tuple[tuple[int, bytes], ...]
    aliases: tuple[str, ...] = ()
    holds: tuple[bytes, ...] = ()
    without: bytes | None = None


# Containers (ZIP) are told apart by the names in their directory, which stands at the end.
KINDS: Final = (
    Kind("application/pdf", ("pdf",), ((0, b"%PDF-"),), ("application/x-pdf",)),
    Kind("image/png", ("png",), ((0, b"\x89PNG\r\n\x1a\n"),)),
    Kind("image/jpeg", ("jpg", "jpeg"), ((0, b"\xff\xd8\xff"),), ("image/jpg", "image/pjpeg")),
    Kind("image/webp", ("webp",), ((8, b"WEBP"),)),
    Kind("image/tiff", ("tif", "tiff"), ((0, b"II*\x00"), (0, b"MM\x00*"))),
    Kind(
        "application/ofd",
        ("ofd",),
        ((0, _ZIP),),
        ("application/vnd.ofd", "application/x-ofd", *_ZIP_TYPES),
        (b"OFD.xml", b"PK\x05\x06"),
    ),
    Kind(
        f"{_OFFICE}.wordprocessingml.document",
        ("docx",),
        ((0, _ZIP),),
        _ZIP_TYPES,
        (b"word/document.xml", b"PK\x05\x06"),
    ),
    Kind(
        f"{_OFFICE}.spreadsheetml.sheet",
        ("xlsx",),
        ((0, _ZIP),),
        _ZIP_TYPES,
        (b"xl/workbook.xml", b"PK\x05\x06"),
    ),
    Kind("video/mp4", ("mp4",), ((4, b"ftyp"),), ("video/x-m4v",)),
    Kind("text/plain", ("txt",), ((0, b""),), without=b"\x00"),
)
ALLOWED: Final = ", ".join(ending for kind in KINDS for ending in kind.extensions)
_UNDECLARED: Final = frozenset({"", "application/octet-stream", "binary/octet-stream"})


def kind_of(extension: str, declared: str, head: bytes) -> Kind:
    """The one accepted kind these three agree on, or FileTypeRefused."""
    media_type = declared.partition(";")[0].strip().lower()
    for kind in KINDS:
        named = extension in kind.extensions if extension else media_type not in _UNDECLARED
        fits = media_type in _UNDECLARED or media_type in (kind.media_type, *kind.aliases)
        if named and fits and any(head[at:].startswith(mark) for at, mark in kind.starts):
            return kind
    raise FileTypeRefused(allowed=ALLOWED)


def ensure_piece(kind: Kind, piece: bytes) -> None:
    """Text has no NUL anywhere; other kinds may hold any byte."""
    if kind.without is not None and kind.without in piece:
        raise FileTypeRefused(allowed=ALLOWED)


def ensure_end(kind: Kind, tail: bytes) -> None:
    """A ZIP must also be the container it claims to be."""
    if not all(mark in tail for mark in kind.holds):
        raise FileTypeRefused(allowed=ALLOWED)
