"""One file out of a multipart body, chunk by chunk; nothing but headers is ever held back."""

from typing import Final

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from case_svc.files.errors import NotMultipart, UploadBroken
from case_svc.files.rules import names

PART: Final = "file"


class FileForm:
    """Exactly one part, called `file`, with a file name; anything else is refused by name."""

    def __init__(self, content_type: str) -> None:
        media_type, options = parse_options_header(content_type)
        if media_type != b"multipart/form-data" or not options.get(b"boundary"):
            raise NotMultipart
        self.name = ""
        self.extension = ""
        self.declared = ""
        self.digest: str | None = None
        self._begun = self._complete = False
        self._headers: dict[str, bytes] = {}
        self._field = self._value = b""
        self._pieces: list[bytes] = []
        try:
            self._parser = MultipartParser(
                options[b"boundary"],
                {
                    "on_part_begin": self._headers.clear,
                    "on_header_field": self._on_header_field,
                    "on_header_value": self._on_header_value,
                    "on_header_end": self._on_header_end,
                    "on_headers_finished": self._on_headers,
                    "on_part_data": self._on_bytes,
                    "on_end": self._on_end,
                },
            )
        except FormParserError:
            raise NotMultipart from None

    def feed(self, chunk: bytes) -> bytes:
        """The bytes of the file that this chunk of the body holds."""
        self._pieces.clear()
        try:
            self._parser.write(chunk)
        except FormParserError:
            raise _malformed() from None
        return b"".join(self._pieces)

    def conclude(self) -> None:
        """Raise unless the closing boundary was seen and the file was there."""
        if not self._complete:
            raise _malformed()
        if not self._begun:
            raise UploadBroken("missing", "缺少名为 file 的文件部分", "the part `file` is missing")

    def _on_header_field(self, source: bytes, start: int, end: int) -> None:
        self._field += source[start:end]

    def _on_header_value(self, source: bytes, start: int, end: int) -> None:
        self._value += source[start:end]

    def _on_header_end(self) -> None:
        self._headers[self._field.decode("latin-1").lower()] = self._value
        self._field = self._value = b""

    def _on_headers(self) -> None:
        _, options = parse_options_header(self._headers.get("content-disposition"))
        part = _text(options.get(b"name", b""))
        if part != PART:
            raise UploadBroken(
                "extra_forbidden", "不允许的部分", "only the part `file` is allowed", part=part[:60]
            )
        if self._begun:
            raise UploadBroken("repeated", "一次只能上传一个文件", "send one file at a time")
        if b"filename" not in options:
            raise UploadBroken("no_name", "缺少文件名", "the part has no file name")
        self._begun = True
        self.name = names.clean(_file_name(options[b"filename"]))
        self.extension = names.extension(self.name)
        self.declared = self._headers.get("content-type", b"").decode("latin-1")
        digest = self._headers.get("repr-digest")
        self.digest = digest.decode("latin-1") if digest is not None else None

    def _on_bytes(self, source: bytes, start: int, end: int) -> None:
        self._pieces.append(source[start:end])

    def _on_end(self) -> None:
        self._complete = True


def _file_name(raw: bytes) -> str:
    """Browsers escape exactly these three in a file name (HTML, 4.10.21.8)."""
    name = _text(raw)
    for escaped, meant in (("%22", '"'), ("%0D", ""), ("%0A", "")):
        name = name.replace(escaped, meant)
    return name


def _text(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("gb18030", errors="replace")


def _malformed() -> UploadBroken:
    return UploadBroken("multipart", "multipart 内容不完整或格式有误", "malformed or cut off body")
