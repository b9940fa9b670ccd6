"""What is learned of a content while it streams by: size, kind, checksum. Holds at most a tail."""

import hashlib

from case_svc.files.errors import DigestMismatch, FileEmpty, FileTooLarge
from case_svc.files.rules import media


class Inspection:
    """Feed every piece once, then `conclude()`; both raise as soon as something shows."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.size = 0
        self.kind: media.Kind | None = None
        self._hash = hashlib.sha256()
        self._head = b""
        self._tail = b""

    def feed(self, piece: bytes, *, extension: str, declared: str) -> None:
        self.size += len(piece)
        if self.size > self.limit:
            raise FileTooLarge(limit=self.limit)
        self._hash.update(piece)
        if self.kind is None:
            self._head += piece
            if len(self._head) >= media.HEAD_BYTES:
                self._judge(extension, declared)
        else:
            media.ensure_piece(self.kind, piece)
        self._tail = (self._tail + piece)[-media.TAIL_BYTES :]

    def conclude(self, *, extension: str, declared: str, expected: bytes | None) -> media.Kind:
        """The kind, when the whole content is what it was said to be."""
        if self.size == 0:
            raise FileEmpty
        if expected is not None and expected != self.sha256:
            raise DigestMismatch
        kind = self.kind or self._judge(extension, declared)
        media.ensure_end(kind, self._tail)
        return kind

    @property
    def sha256(self) -> bytes:
        return self._hash.digest()

    def _judge(self, extension: str, declared: str) -> media.Kind:
        kind = media.kind_of(extension, declared, self._head)
        media.ensure_piece(kind, self._head)
        self.kind, self._head = kind, b""
        return kind
