"""Write the copies, never an older state over a newer one."""

from collections.abc import Sequence
from functools import cache
from typing import Any

from pydantic_core import to_json
from sqlalchemy import Table
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import Plain, as_plain, driver
from exchange_svc.tables import Base


async def keep_copies(
    session: AsyncSession, model: type[Base], copies: Sequence[dict[str, Any]]
) -> None:
    """By one statement, of values as JSON has them; all have the same names.

    Insert each row, or replace it when the copy is a newer version.
    """
    table = _table(model)
    key = [column.name for column in table.primary_key.columns]
    # One statement touches a row once, so of several states of one row the newest is written.
    by_age = sorted(copies, key=lambda one: int(one["version"]))
    newest = {tuple(one[name] for name in key): one for one in by_age}
    statement = _newer_of_all(table, tuple(copies[0]))
    await (await driver(session)).execute(statement, to_json([*newest.values()]).decode())


async def keep_copy(session: AsyncSession, model: type[Base], values: dict[str, Any]) -> None:
    newer = _newer(_table(model), tuple(values))
    await (await driver(session)).execute(newer.text, *newer.values(**values))


def _table(model: type[Base]) -> Table:
    return model.metadata.tables[model.__tablename__]


@cache
def _newer(table: Table, names: tuple[str, ...]) -> Plain:
    """Built once: to build it takes longer than to run it."""
    statement = insert(table)
    newer = statement.on_conflict_do_update(
        index_elements=list(table.primary_key.columns),
        set_={name: statement.excluded[name] for name in names},
        where=table.c.version < statement.excluded.version,
    )
    return as_plain(newer, names)


@cache
def _newer_of_all(table: Table, names: tuple[str, ...]) -> str:
    key = ", ".join(column.name for column in table.primary_key.columns)
    given, taken = ", ".join(names), ", ".join(f"{name} = excluded.{name}" for name in names)
    return f"""
INSERT INTO {table.name} AS known ({given})
SELECT {given} FROM json_populate_recordset(NULL::{table.name}, $1::text::json)
ON CONFLICT ({key}) DO UPDATE SET {taken} WHERE known.version < excluded.version"""  # noqa: S608 - our own tables
