"""Personal values from a sealed event member, encrypted for this service's own columns."""

from collections.abc import Mapping
from typing import Any

from chassis.database.sessions import WriteSession, process_of


def encrypted(
    session: WriteSession, sealed: Mapping[str, Any] | None, *names: str
) -> dict[str, bytes | None]:
    """The named members as encrypted columns; a member that is missing becomes null."""
    vault = process_of(session).vault
    values = {name: (sealed or {}).get(name) for name in names}
    return {name: vault.encrypt(value) if value else None for name, value in values.items()}
