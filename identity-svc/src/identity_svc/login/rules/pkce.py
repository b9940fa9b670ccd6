"""Proof Key for Code Exchange (RFC 7636), S256 only."""

import base64
import hashlib
import hmac
import re


def is_challenge(text: str) -> bool:
    """A SHA-256 in base64url without padding is 43 characters."""
    return re.fullmatch(r"[A-Za-z0-9_-]{43}", text) is not None


def matches(verifier: str, challenge: str) -> bool:
    if re.fullmatch(r"[A-Za-z0-9._~-]{43,128}", verifier) is None:
        return False
    return hmac.compare_digest(challenge_of(verifier), challenge)


def challenge_of(verifier: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
