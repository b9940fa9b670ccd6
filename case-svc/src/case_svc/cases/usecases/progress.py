"""Looking up progress with a query code; guessing is counted and slowed down."""

import hmac
from datetime import datetime, timedelta
from math import ceil

from sqlalchemy import case as either
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from case_svc.cases.errors import ProgressNotFound, TooManyGuesses
from case_svc.cases.models import Case, ProgressAttempt
from case_svc.cases.usecases.moves import settings_of
from chassis.clock import now
from chassis.db import context
from chassis.errors import ServiceError


async def look_up_progress(
    session: AsyncSession, case_no: str, query_code: str, address: str
) -> Case | ServiceError:
    """The case, or a refusal to be returned, so that the wrong guess is counted."""
    settings = settings_of(session)
    vault = context(session).vault
    keys = {
        vault.digest(case_no, purpose="progress"): settings.progress_attempts,
        vault.digest(address, purpose="progress address"): settings.progress_attempts_address,
    }
    wait = await _wait(session, keys)
    if wait is not None:
        return TooManyGuesses(retry_after=wait)
    case = await session.scalar(select(Case).where(Case.case_no == case_no))
    code = vault.decrypt(case.query_code) if case is not None and case.query_code else ""
    if case is not None and hmac.compare_digest(code.encode(), query_code.encode()):
        return case
    for key in keys:
        await _count(session, key)
    return ProgressNotFound()


async def _wait(session: AsyncSession, keys: dict[bytes, int]) -> int | None:
    """Seconds until another guess is allowed, none when it is now."""
    window = timedelta(seconds=settings_of(session).progress_window_seconds)
    statement = select(ProgressAttempt).where(
        ProgressAttempt.key.in_(keys), ProgressAttempt.since > now() - window
    )
    found = (await session.scalars(statement.execution_options(populate_existing=True))).all()
    late = [one.since + window for one in found if one.count >= keys[one.key]]
    return max(ceil((max(late) - now()).total_seconds()), 1) if late else None


async def _count(session: AsyncSession, key: bytes) -> None:
    window = timedelta(seconds=settings_of(session).progress_window_seconds)
    moment: datetime = now()
    statement = insert(ProgressAttempt).values(key=key, count=1, since=moment)
    stale = ProgressAttempt.since <= moment - window
    await session.execute(
        statement.on_conflict_do_update(
            index_elements=["key"],
            set_={
                "count": either((stale, 1), else_=ProgressAttempt.count + 1),
                "since": either((stale, moment), else_=ProgressAttempt.since),
            },
        )
    )
