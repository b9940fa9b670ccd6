"""The ledger's hash chain: each row's hash covers its content and the hash before it.

Changing, inserting or removing a row breaks the chain at its position. Truncating the newest rows
does not, so compare the head with one noted earlier.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any, Final

START: Final = "0" * 64


def link(previous: str, content: Mapping[str, Any]) -> str:
    """SHA-256, hex, over the previous hash and the content as canonical JSON."""
    text = json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(f"{previous}\n{text}".encode()).hexdigest()


def first_break(
    rows: Iterable[tuple[int, str, str, Mapping[str, Any]]], *, after: int = 0, head: str = START
) -> int | None:
    """The first position whose row does not follow from the one before it.

    Rows are (position, previous, hash, content); the row at `after` has the hash `head`.
    """
    expected, number = head, after + 1
    for position, previous, row_hash, content in rows:
        if position != number or previous != expected or row_hash != link(previous, content):
            return number
        expected, number = row_hash, number + 1
    return None
