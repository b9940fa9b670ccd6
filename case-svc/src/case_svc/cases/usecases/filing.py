"""All rows of a submission in one statement; decision 0017 says why this is not the session's."""

from collections.abc import Iterable
from typing import Any, Final

from pydantic_core import to_json
from sqlalchemy import LargeBinary
from sqlalchemy.ext.asyncio import AsyncSession

from case_svc.cases import numbers
from case_svc.cases.models import Case, CaseClock, CaseEntry, CaseMaterial, CaseTask
from case_svc.tables import Base
from chassis.clock import today
from chassis.db import driver

_BOXES: Final = [one.name for one in Case.__table__.columns if isinstance(one.type, LargeBinary)]
_KINDS: Final[tuple[type[Base], ...]] = (CaseMaterial, CaseEntry, CaseTask, CaseClock)


async def file_case(session: AsyncSession, case: Case, rows: Iterable[Base]) -> None:
    """Give the case its number and write it, new or a draft so far, with `rows`, its first ones."""
    beginning = numbers.prefix(
        task_code=case.task_code, region_code=case.region_code, item_code=case.item_code
    )
    received_on = today()
    sorted_rows: dict[type[Base], list[dict[str, Any]]] = {kind: [] for kind in _KINDS}
    for row in rows:
        sorted_rows[type(row)].append(_columns(row))
    texts = (to_json(ones).decode() for ones in ([_plain(case)], *sorted_rows.values()))
    stem = numbers.stem(beginning, received_on)
    last = await (await driver(session)).fetchval(_FILE, beginning, received_on, stem, *texts)
    case.case_no = numbers.case_number(beginning, received_on, last)


def _columns(row: Base) -> dict[str, Any]:
    found = vars(row).copy()
    del found["_sa_instance_state"]
    return found


def _plain(case: Case) -> dict[str, Any]:
    """Its boxes as PostgreSQL reads bytes; everything else it reads from JSON as it is."""
    found = _columns(case)
    for name in _BOXES:
        box = found.get(name)
        if box is not None:
            found[name] = f"\\x{box.hex()}"
    return found


def _insert(number: int, kind: type[Base]) -> str:
    columns = ", ".join(column.name for column in kind.__table__.columns)
    table = kind.__tablename__
    return (
        f"INSERT INTO {table} ({columns}) SELECT {columns}"  # noqa: S608 - our own models
        f" FROM json_populate_recordset(NULL::{table}, ${number}::text::json)"
    )


def _statement() -> str:
    """The row lock on the counter keeps two windows that receive the same item at once apart.

    It is taken last, and held until the commit: nobody waits for what could have been done before.
    """
    columns = [column.name for column in Case.__table__.columns]
    values = ", ".join(numbers.SQL if one == "case_no" else one for one in columns)
    written = ", ".join(f"{one} = excluded.{one}" for one in columns if one != "case_id")
    return f"""
WITH counted AS (
  INSERT INTO case_counter AS known (prefix, received_on, last) VALUES ($1, $2, 1)
  ON CONFLICT (prefix, received_on) DO UPDATE SET last = known.last + 1 RETURNING last),
filed AS (
  INSERT INTO case_file ({", ".join(columns)}) SELECT {values}
  FROM json_populate_recordset(NULL::case_file, $4::text::json), counted
  ON CONFLICT (case_id) DO UPDATE SET {written}),
{", ".join(f"{one.__tablename__}s AS ({_insert(at, one)})" for at, one in enumerate(_KINDS, 5))}
SELECT last FROM counted"""  # noqa: S608 - built from our own models


_FILE: Final = _statement()
