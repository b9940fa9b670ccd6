"""Keep the copies: each write counts only when it is newer than what stands."""

from collections.abc import Mapping
from functools import cache
from typing import Any

from sqlalchemy.dialects.postgresql import Insert, insert
from sqlalchemy.ext.asyncio import AsyncSession

from case_svc.parties.models import Company, Department, Mandate, Person, StaffMember
from chassis.db import context

Copied = type[Person] | type[Company] | type[Mandate] | type[Department] | type[StaffMember]


async def keep_copy(session: AsyncSession, model: Copied, values: Mapping[str, Any]) -> None:
    """Write the whole state unless the same or a newer version stands already."""
    await (await session.connection()).execute(_newer(model, tuple(values)), values)


@cache
def _newer(model: Copied, names: tuple[str, ...]) -> Insert:
    """Built once: to build it takes longer than to run it."""
    keys = [column.name for column in model.__table__.primary_key]
    statement = insert(model)
    return statement.on_conflict_do_update(
        index_elements=keys,
        set_={name: statement.excluded[name] for name in names if name not in keys},
        where=model.version < statement.excluded.version,
    )


def boxed(
    session: AsyncSession, sealed: Mapping[str, Any] | None, *names: str
) -> dict[str, bytes | None]:
    """Personal values from a sealed member, as encrypted columns."""
    vault = context(session).vault
    values = {name: (sealed or {}).get(name) for name in names}
    return {name: vault.encrypt(value) if value else None for name, value in values.items()}
