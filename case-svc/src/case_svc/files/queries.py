"""Files by their owner; who else may see one is decided by the function `main.py` passes in."""

from collections.abc import Collection
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from case_svc.files.errors import FileMissing
from case_svc.files.models import StoredFile


async def get_file(session: AsyncSession, file_id: UUID) -> StoredFile:
    """Unscoped: the caller has decided, or decides next, whether the actor may see it."""
    stored = await session.get(StoredFile, file_id)
    if stored is None:
        raise FileMissing(file_id=file_id)
    return stored


async def owned_files(
    session: AsyncSession, actor_id: UUID, file_ids: Collection[UUID]
) -> set[UUID]:
    """Those of `file_ids` that this actor uploaded; someone else's do not exist for them."""
    if not file_ids:
        return set()
    statement = select(StoredFile.file_id).where(
        StoredFile.file_id.in_(file_ids), StoredFile.uploader_id == actor_id
    )
    return set(await session.scalars(statement))
