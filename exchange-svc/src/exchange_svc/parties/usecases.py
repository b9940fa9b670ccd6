"""Write the copies, never an older state over a newer one."""

from functools import cache
from typing import Any

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import Plain, as_plain, driver
from exchange_svc.tables import Base


async def keep_copy(session: AsyncSession, model: type[Base], values: dict[str, Any]) -> None:
    """Insert the row, or replace it when `values` holds a newer version."""
    newer = _newer(model, tuple(values))
    await (await driver(session)).execute(newer.text, *newer.values(**values))


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
