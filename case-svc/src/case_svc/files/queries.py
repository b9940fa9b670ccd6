"""Files by their owner; who else may see one is decided by the function `main.py` passes in."""

from collections.abc import Collection
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from case_svc.files.errors import FileMissing
from case_svc.files.models import StoredFile
from chassis.db import context


async def get_file(session: AsyncSession, file_id: UUID) -> StoredFile:
    """Unscoped: the caller has decided, or decides next, whether the actor may see it."""
    found = await session.get(StoredFile, file_id)
    if found is None:
        raise FileMissing(file_id=file_id)
    return found


async def owned_files(
    session: AsyncSession, actor_id: UUID, file_ids: Collection[UUID]
) -> dict[UUID, StoredFile]:
    """Those of `file_ids` that this actor uploaded; someone else's do not exist for them."""
    statement = select(StoredFile).where(
        StoredFile.file_id.in_(file_ids), StoredFile.uploader_id == actor_id
    )
    return {found.file_id: found for found in await session.scalars(statement)}


def name_of(session: AsyncSession, stored: StoredFile) -> str:
    return context(session).vault.decrypt(stored.name)
