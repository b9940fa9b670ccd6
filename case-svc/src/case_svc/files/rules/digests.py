"""`Repr-Digest` (RFC 9530): a structured-field dictionary of byte sequences."""

import base64
import binascii
import re
from typing import Final

from case_svc.files.errors import BadDigest

_MEMBER: Final = re.compile(r"^([a-z*][a-z0-9_.*-]*)=:([A-Za-z0-9+/=]*):(?:;.*)?$")
SHA256_BYTES: Final = 32


def sha256_of(header: str | None) -> bytes | None:
    """The sha-256 a client sent; other algorithms are passed over, as the RFC asks."""
    if header is None:
        return None
    digest: bytes | None = None
    for member in header.split(","):
        match = _MEMBER.match(member.strip())
        if match is None:
            raise BadDigest
        if match[1] == "sha-256":
            try:
                digest = base64.b64decode(match[2], validate=True)
            except binascii.Error:
                raise BadDigest from None
            if len(digest) != SHA256_BYTES:
                raise BadDigest
    return digest


def field(sha256: bytes) -> str:
    """The header value for these 32 bytes."""
    return f"sha-256=:{base64.b64encode(sha256).decode()}:"
