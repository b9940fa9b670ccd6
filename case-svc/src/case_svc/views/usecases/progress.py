"""Looking up progress with a query code; wrong codes are counted and slowed down."""

import hmac
from datetime import date, datetime, timedelta
from math import ceil
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import case as either
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from case_svc.cases.models import Case
from case_svc.settings import settings_of
from case_svc.views.errors import ProgressNotFound, TooManyAttempts
from case_svc.views.models import ProgressAttempt
from case_svc.views.queries.detail import load_clocks, until
from case_svc.views.queries.rows import columns_of
from chassis.clock import now
from chassis.database.sessions import WriteSession, process_of
from chassis.errors import ServiceError


class ProgressRow(NamedTuple):
    case_id: UUID
    query_code: bytes | None
    case_no: str
    item_name: str
    department_code: str
    department_name: str
    status: str
    outcome: str | None
    step: str | None
    submitted_at: datetime
    ended_at: datetime | None


async def look_up_progress(
    session: WriteSession, case_no: str, query_code: str, address: str
) -> tuple[ProgressRow, date | None] | ServiceError:
    """The case and its next date, or a refusal to be returned, so that the attempt is counted."""
    settings, vault, moment = settings_of(session), process_of(session).vault, now()
    window = timedelta(seconds=settings.progress_window_seconds)
    limits = {
        vault.digest(case_no, purpose="progress"): settings.progress_attempts,
        vault.digest(address, purpose="progress address"): settings.progress_attempts_address,
    }
    statement = select(ProgressAttempt.key, ProgressAttempt.count, ProgressAttempt.since).where(
        ProgressAttempt.key.in_(limits), ProgressAttempt.since > moment - window
    )
    attempts = await session.execute(statement)
    waits = [since + window - moment for key, count, since in attempts if count >= limits[key]]
    if waits:
        return TooManyAttempts(retry_after=max(ceil(max(waits).total_seconds()), 1))
    columns = columns_of(ProgressRow, Case)
    row = (await session.execute(select(*columns).where(Case.case_no == case_no))).one_or_none()
    case = ProgressRow._make(row) if row else None
    code = vault.decrypt(case.query_code) if case is not None and case.query_code else ""
    if case is not None and hmac.compare_digest(code.encode(), query_code.encode()):
        return case, until(case.status, await load_clocks(session, case.case_id))
    stale = ProgressAttempt.since <= moment - window
    counted = insert(ProgressAttempt).on_conflict_do_update(
        index_elements=["key"],
        set_={
            "count": either((stale, 1), else_=ProgressAttempt.count + 1),
            "since": either((stale, moment), else_=ProgressAttempt.since),
        },
    )
    await session.execute(counted, [{"key": key, "count": 1, "since": moment} for key in limits])
    return ProgressNotFound()
