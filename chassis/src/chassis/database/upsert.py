"""Copies of other services' rows: a newer state replaces an older one, never the reverse."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import inspect
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession


async def upsert_newer(
    session: AsyncSession,
    model: type[Any],
    rows: Sequence[Mapping[str, Any]],
    *,
    version: str = "version",
) -> None:
    """Insert `rows`; one whose primary key exists replaces it only when `version` is higher.

    Events may arrive late, twice, or several for one key in a batch. All rows name the same
    columns; a column that they do not name keeps its value, or takes its default when inserted.
    """
    if not rows:
        return
    table = inspect(model).local_table
    keys = [column.name for column in table.primary_key]
    # One statement may touch a row only once, so of several states of a row the newest is sent.
    by_version = sorted(rows, key=lambda row: int(row[version]))
    newest = {tuple(row[key] for key in keys): row for row in by_version}
    statement = insert(table).values([*newest.values()])
    await session.execute(
        statement.on_conflict_do_update(
            index_elements=keys,
            set_={name: statement.excluded[name] for name in rows[0] if name not in keys},
            where=table.c[version] < statement.excluded[version],
        )
    )
