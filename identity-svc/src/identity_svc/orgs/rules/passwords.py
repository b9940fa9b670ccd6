"""Passwords: argon2id in two threads of their own, so that hashing never holds the event loop."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

SHORTEST: Final = 8
LONGEST: Final = 128

# OWASP's second choice: 16 ms a piece, and two threads leave the machine its other work.
_HASHER = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
_THREADS = ThreadPoolExecutor(max_workers=2, thread_name_prefix="argon2")
_NOBODY = _HASHER.hash("nobody signs in with this")


def is_weak(password: str, *names: str | None) -> bool:
    """Too short, too long, or one of the names it protects."""
    folded = password.casefold()
    return not SHORTEST <= len(password) <= LONGEST or folded in {
        name.casefold() for name in names if name
    }


async def hash_password(password: str) -> str:
    return await asyncio.get_running_loop().run_in_executor(_THREADS, _HASHER.hash, password)


async def is_password(password: str, password_hash: str | None) -> bool:
    """Whether it fits; without a hash never, but as slowly, so that names cannot be probed."""
    fits = await asyncio.get_running_loop().run_in_executor(
        _THREADS, _fits, password_hash or _NOBODY, password
    )
    return fits and password_hash is not None


def _fits(password_hash: str, password: str) -> bool:
    try:
        return _HASHER.verify(password_hash, password)
    except (VerificationError, InvalidHashError):
        return False
