"""Form, answers and drafts are encrypted JSON."""

import json
from collections.abc import Mapping
from typing import Any

from pydantic_core import to_json
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import context


def encrypt_json(session: AsyncSession, content: Mapping[str, Any]) -> bytes:
    return context(session).vault.encrypt(to_json(content).decode())


def decrypt_json(session: AsyncSession, box: bytes | None) -> dict[str, Any]:
    if box is None:
        return {}
    content: dict[str, Any] = json.loads(context(session).vault.decrypt(box))
    return content
