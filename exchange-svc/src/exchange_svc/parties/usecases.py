"""Write the copies, never an older state over a newer one."""

from typing import Any

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from exchange_svc.tables import Base


async def keep_copy(session: AsyncSession, model: type[Base], values: dict[str, Any]) -> None:
    """Insert the row, or replace it when `values` holds a newer version."""
    table = model.metadata.tables[model.__tablename__]
    statement = insert(model).values(values)
    changed = {name: statement.excluded[name] for name in values}
    await session.execute(
        statement.on_conflict_do_update(
            index_elements=list(table.primary_key.columns),
            set_=changed,
            where=table.c.version < statement.excluded.version,
        )
    )
