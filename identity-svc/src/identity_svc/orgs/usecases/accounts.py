"""Open accounts; hash and verify passwords, which is slow and runs outside any transaction."""

import asyncio
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Final
from uuid import UUID

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy.dialects.postgresql import insert

from chassis.database.sessions import WriteSession, process_of
from chassis.errors import FieldError
from identity_svc.orgs.models import Account, AccountKind, SignInName

WEAK_PASSWORD: Final = FieldError(
    "/password",
    "weak_password",
    "密码须为 8–128 个字符，且不得与用户名、手机号或身份证号相同",
    "A password has 8 to 128 characters and is not the username, mobile or identity number",
)

# OWASP's second choice of parameters: 16 ms per password. Two threads bound the processor time
# and memory that sign-ins can take, and keep the event loop free.
_HASHER: Final = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
_THREADS: Final = ThreadPoolExecutor(max_workers=2, thread_name_prefix="argon2")
_UNKNOWN_NAME: Final = _HASHER.hash("no account has this password")


async def hash_password(password: str) -> str:
    return await asyncio.get_running_loop().run_in_executor(_THREADS, _HASHER.hash, password)


async def is_password(password: str, password_hash: str | None) -> bool:
    """Whether the password fits; without a hash it never does, after the same time.

    An unknown name thus takes as long as a wrong password, so names cannot be probed.
    """
    try:
        await asyncio.get_running_loop().run_in_executor(
            _THREADS, _HASHER.verify, password_hash or _UNKNOWN_NAME, password
        )
    except (VerificationError, InvalidHashError):
        return False
    return password_hash is not None


async def open_account(
    session: WriteSession,
    account_id: UUID,
    kind: AccountKind,
    *,
    password_hash: str,
    names: Mapping[str, str],
) -> bool:
    """False when a name is in use; the caller then raises, which rolls the account back."""
    session.add(Account(id=account_id, kind=kind, password_hash=password_hash))
    await session.flush()
    vault = process_of(session).vault
    # In the order of the primary key: two requests for the same names wait, and do not deadlock.
    digests = sorted(vault.digest(name, purpose=purpose) for purpose, name in names.items())
    statement = (
        insert(SignInName)
        .values([{"digest": digest, "kind": kind, "account_id": account_id} for digest in digests])
        .on_conflict_do_nothing()
        .returning(SignInName.digest)
    )
    return len((await session.scalars(statement)).all()) == len(digests)
