"""A case gets its number, and its first rows are left to be written with the answer (0025)."""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any, Final

from sqlalchemy import LargeBinary, Table
from sqlalchemy.ext.asyncio import AsyncSession

from case_svc.cases import numbers
from case_svc.cases.models import Case, CaseClock, CaseEntry, CaseMaterial, CaseTask
from case_svc.tables import Base
from chassis.clock import today
from chassis.db import together
from chassis.idempotency import leave_rows

_BOXES: Final = [one.name for one in Case.__table__.columns if isinstance(one.type, LargeBinary)]
_KINDS: Final[tuple[type[Base], ...]] = (Case, CaseMaterial, CaseEntry, CaseTask, CaseClock)
# In the order of prefixes, so that two who count several never wait for each other.
_COUNT: Final = """
INSERT INTO case_counter AS known (prefix, received_on, last)
SELECT prefix, received_on, count(*)
FROM unnest($1::text[], $2::date[]) AS asked (prefix, received_on)
GROUP BY prefix, received_on ORDER BY prefix, received_on
ON CONFLICT (prefix, received_on) DO UPDATE SET last = known.last + excluded.last
RETURNING prefix, received_on, last"""


async def file_case(session: AsyncSession, case: Case, rows: Iterable[Base]) -> None:
    """Give the case its number and write it, new or a draft so far, with `rows`, its first ones."""
    beginning = numbers.prefix(
        task_code=case.task_code, region_code=case.region_code, item_code=case.item_code
    )
    received_on = today()
    last = await together(session, _count, (beginning, received_on))
    case.case_no = numbers.case_number(beginning, received_on, last)
    if case in session:
        session.add_all(rows)
        await session.flush()
        return
    left: dict[Table, list[dict[str, Any]]] = {_table(kind): [] for kind in _KINDS}
    left[_table(Case)].append(_plain(case))
    for row in rows:
        left[_table(type(row))].append(_values(row))
    await leave_rows(session, left)


async def _count(database: Any, asked: Sequence[tuple[str, date]]) -> list[int]:
    """The next number of each; one that is not used in the end is missing for ever, as it may."""
    found = await database.fetch(_COUNT, *zip(*asked, strict=True))
    last = {(row["prefix"], row["received_on"]): row["last"] for row in found}
    given = []
    for one in reversed(asked):
        given.append(last[one])
        last[one] -= 1
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
