"""The small copies of what identity knows: names of divisions and departments."""

from functools import cache
from typing import Any

from sqlalchemy.dialects.postgresql import Insert, insert
from sqlalchemy.ext.asyncio import AsyncSession

from catalog_svc.items.models import DepartmentCopy, RegionCopy


async def copy_region(session: AsyncSession, *, region_code: str, name: str, version: int) -> None:
    row = {"region_code": region_code, "name": name, "version": version}
    await _copy(session, RegionCopy, "region_code", row)


async def copy_department(
    session: AsyncSession, *, department_code: str, name: str, version: int
) -> None:
    row = {"department_code": department_code, "name": name, "version": version}
    await _copy(session, DepartmentCopy, "department_code", row)


async def _copy(session: AsyncSession, table: Any, key: str, row: dict[str, Any]) -> None:
    """Events may come late or twice, so an older state never replaces a newer one."""
    await (await session.connection()).execute(_newer(table, key), row)


@cache
def _newer(table: Any, key: str) -> Insert:
    """Built once: to build it takes longer than to run it."""
    statement = insert(table)
    return statement.on_conflict_do_update(
        index_elements=[key],
        set_={"name": statement.excluded.name, "version": statement.excluded.version},
        where=table.version < statement.excluded.version,
    )
