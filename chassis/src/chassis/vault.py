"""Personal data: encrypted at rest, hashed for look-up, sealed between services, masked on screens.

AES-256-GCM with a random nonce; the key id travels with the box so that retired keys still open
old rows and old events.
"""

import base64
import hashlib
import hmac
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

NONCE_BYTES = 12


class UnknownKey(Exception):
    """A box names a key id that this service was not given; add the retired key to its settings."""


@dataclass(frozen=True)
class Vault:
    service: str
    column_keys: Mapping[str, bytes]
    current: str
    seal_keys: Mapping[str, Mapping[str, bytes]]

    def encrypt(self, text: str) -> bytes:
        return _encrypt(self.current, self.column_keys[self.current], text.encode(), b"column")

    def decrypt(self, box: bytes) -> str:
        return _decrypt(self.column_keys, box, b"column").decode()

    def digest(self, value: str, *, purpose: str) -> bytes:
        """Keyed hash for look-up; the same value under another purpose gives another hash."""
        # The oldest key stays the hash key for ever: rotating it would lose every look-up.
        oldest = list(self.column_keys.values())[-1]
        return hmac.digest(oldest, f"{purpose}\0{value}".encode(), hashlib.sha256)

    def seal(self, content: Mapping[str, Any], *, to: str) -> dict[str, str]:
        """Encrypt event content for one consumer: {"kid", "box"} under the pair's newest key."""
        pair = f"{self.service}>{to}"
        keys = self.seal_keys.get(pair)
        if not keys:
            raise UnknownKey(pair)
        kid = list(keys)[-1]
        text = json.dumps(content, ensure_ascii=False, default=str).encode()
        return {
            "kid": kid,
            "box": base64.b64encode(_encrypt(kid, keys[kid], text, pair.encode())).decode(),
        }

    def unseal(self, sealed: Mapping[str, str], *, sender: str) -> dict[str, Any]:
        pair = f"{sender}>{self.service}"
        box = base64.b64decode(sealed["box"])
        content: dict[str, Any] = json.loads(
            _decrypt(self.seal_keys.get(pair, {}), box, pair.encode())
        )
        return content


def open_vault(service: str, vault_keys: str, seal_keys: str) -> Vault:
    """Parse the two key settings; raises ValueError that names the malformed part, not the key."""
    column_keys: dict[str, bytes] = {}
    for part in filter(None, (piece.strip() for piece in vault_keys.split(","))):
        kid, _, encoded = part.partition(":")
        column_keys[kid] = _key(kid, encoded)
    if not column_keys:
        raise ValueError("ONENET_VAULT_KEYS holds no key: give `id:base64`, 32 bytes")
    pairs = {
        pair: {kid: _key(f"{pair} {kid}", encoded) for kid, encoded in keys.items()}
        for pair, keys in json.loads(seal_keys or "{}").items()
    }
    return Vault(service, column_keys, next(iter(column_keys)), pairs)


def _key(name: str, encoded: str) -> bytes:
    key = base64.b64decode(encoded)
    if len(key) != 32:  # noqa: PLR2004 - AES-256
        raise ValueError(f"key {name} must be 32 bytes in base64")
    return key


@lru_cache
def _cipher(key: bytes) -> AESGCM:
    return AESGCM(key)


def _encrypt(kid: str, key: bytes, plain: bytes, purpose: bytes) -> bytes:
    nonce = os.urandom(NONCE_BYTES)
    name = kid.encode()
    return bytes([len(name)]) + name + nonce + _cipher(key).encrypt(nonce, plain, purpose)


def _decrypt(keys: Mapping[str, bytes], box: bytes, purpose: bytes) -> bytes:
    length = box[0]
    kid = box[1 : 1 + length].decode()
    if kid not in keys:
        raise UnknownKey(kid)
    start = 1 + length + NONCE_BYTES
    return _cipher(keys[kid]).decrypt(box[1 + length : start], box[start:], purpose)


_KEPT_NAME = 2


def mask_name(name: str) -> str:
    """张三 → 张*, 张三丰 → 张*丰."""
    if len(name) <= _KEPT_NAME:
        return name[:1] + "*" * (len(name) - 1)
    return name[0] + "*" * (len(name) - 2) + name[-1]


def mask_id_number(number: str) -> str:
    """511602199001011234 → 511602********1234."""
    return _keep(number, 6, 4)


def mask_mobile(number: str) -> str:
    """13800001234 → 138****1234."""
    return _keep(number, 3, 4)


def mask_value(value: object) -> str:
    """Any other personal value: at most the first and the last character stay."""
    text = str(value)
    return _keep(text, 1, 1) if len(text) > _KEPT_NAME else "*" * len(text)


def _keep(text: str, head: int, tail: int) -> str:
    if len(text) <= head + tail:
        return "*" * len(text)
    return text[:head] + "*" * (len(text) - head - tail) + text[-tail:]
