"""Write the copies, never an older state over a newer one."""

from collections.abc import Sequence
from functools import cache
from typing import Any

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import Plain, as_plain, driver
from exchange_svc.tables import Base


async def keep_copies(
    session: AsyncSession, model: type[Base], copies: Sequence[dict[str, Any]]
) -> None:
    """Insert each row, or replace it when the copy is a newer version; all have the same names."""
    newer = _newer(model, tuple(copies[0]))
    await (await driver(session)).executemany(newer.text, [newer.values(**one) for one in copies])


async def keep_copy(session: AsyncSession, model: type[Base], values: dict[str, Any]) -> None:
    await keep_copies(session, model, [values])


@cache
def _newer(model: type[Base], names: tuple[str, ...]) -> Plain:
    """Built once: to build it takes longer than to run it."""
    table = model.metadata.tables[model.__tablename__]
    statement = insert(table)
    newer = statement.on_conflict_do_update(
        index_elements=list(table.primary_key.columns),
        set_={name: statement.excluded[name] for name in names},
        where=table.c.version < statement.excluded.version,
    )
    return as_plain(newer, names)
