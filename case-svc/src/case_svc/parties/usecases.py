"""Personal values from a sealed event member, encrypted for this service's own columns."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import context


def encrypted(
    session: AsyncSession, sealed: Mapping[str, Any] | None, *names: str
) -> dict[str, bytes | None]:
    """The named members as encrypted columns; a member that is missing becomes null."""
    vault = context(session).vault
    values = {name: (sealed or {}).get(name) for name in names}
    return {name: vault.encrypt(value) if value else None for name, value in values.items()}
