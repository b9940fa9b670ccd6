"""A case gets its number, and its first rows are left to be written with the answer (0025)."""

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from time import monotonic
from typing import Any, Final

from sqlalchemy import LargeBinary, Table
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import object_session

from case_svc.cases import numbers
from case_svc.cases.models import Case, CaseClock, CaseEntry, CaseMaterial, CaseTask
from case_svc.tables import Base
from chassis.clock import today
from chassis.db import context, shares, together
from chassis.idempotency import leave_rows

_BOXES: Final = [one.name for one in Case.__table__.columns if isinstance(one.type, LargeBinary)]
_KINDS: Final[tuple[type[Base], ...]] = (Case, CaseMaterial, CaseEntry, CaseTask, CaseClock)
_COUNT: Final = """
INSERT INTO case_counter AS known (prefix, received_on, last)
SELECT prefix, received_on, sum(wanted)
FROM unnest((SELECT $1::text[]), (SELECT $2::date[]), (SELECT $3::int[]))
  AS asked (prefix, received_on, wanted)
GROUP BY prefix, received_on
ON CONFLICT (prefix, received_on) DO UPDATE SET last = known.last + excluded.last
RETURNING prefix, received_on, last"""
_SOON_SECONDS: Final = 1.0
_MOST_WANTED: Final = 16


@dataclass
class _Numbers:
    """What this process has counted of an item's day; `left` are counted and not yet given."""

    received_on: date
    wanted: int = 1
    counted_at: float = 0.0
    left: deque[int] = field(default_factory=deque)

    def want(self) -> int:
        """One at a quiet counter, ever more where the last ones did not last a second."""
        moment = monotonic()
        soon = moment - self.counted_at < _SOON_SECONDS
        self.wanted = min(2 * self.wanted, _MOST_WANTED) if soon else 1
        self.counted_at = moment
        return self.wanted


async def file_case(session: AsyncSession, case: Case, rows: Iterable[Base]) -> None:
    """Give the case its number and write it, new or a draft so far, with `rows`, its first ones."""
    beginning = numbers.prefix(
        task_code=case.task_code, region_code=case.region_code, item_code=case.item_code
    )
    received_on = today()
    number = await _next_number(session, beginning, received_on)
    case.case_no = numbers.case_number(beginning, received_on, number)
    if object_session(case) is not None:
        session.add_all(rows)
        await session.flush()
        return
    left: dict[Table, list[dict[str, Any]]] = {_table(kind): [] for kind in _KINDS}
    left[_table(Case)].append(_plain(case))
    for row in rows:
        left[_table(type(row))].append(_values(row))
    await leave_rows(session, left)


async def _next_number(session: AsyncSession, beginning: str, received_on: date) -> int:
    """One that is not used in the end is missing for ever, as it may (0025)."""
    here = context(session)
    known: _Numbers | None = here.counted.get(beginning)
    if known is None or known.received_on != received_on:
        known = here.counted[beginning] = _Numbers(received_on)
    if known.left:
        return known.left.popleft()
    # What a session counts in a transaction of its own may yet be taken back.
    wanted = known.want() if shares(session) else 1
    # Who holds an item's counter lets nobody wait who applies for another.
    first = await together(session, _count, (beginning, received_on, wanted), apart=beginning)
    known.left.extend(range(first + 1, first + wanted))
    return first


async def _count(database: Any, asked: Sequence[tuple[str, date, int]]) -> list[int]:
    """The first of the next numbers for each."""
    found = await database.fetch(_COUNT, *zip(*asked, strict=True))
    last = {(row["prefix"], row["received_on"]): row["last"] for row in found}
    given = []
    for prefix, received_on, wanted in reversed(asked):
        last[prefix, received_on] -= wanted
        given.append(last[prefix, received_on] + 1)
    return given[::-1]


def _table(kind: type[Base]) -> Table:
    return kind.metadata.tables[kind.__tablename__]


def _values(row: Base) -> dict[str, Any]:
    found = vars(row).copy()
    del found["_sa_instance_state"]
    return found


def _plain(case: Case) -> dict[str, Any]:
    """Its boxes as PostgreSQL reads bytes; everything else it reads from JSON as it is."""
    found = _values(case)
    for name in _BOXES:
        box = found.get(name)
        if box is not None:
            found[name] = f"\\x{box.hex()}"
    return found
