"""Receive, keep, open and sweep files."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from sqlalchemy import delete, select

from case_svc.files import queries
from case_svc.files.errors import FileMissing, FileTooLarge, UploadExpired
from case_svc.files.models import FileUpload, StoredFile
from case_svc.files.rules import digests
from case_svc.files.rules.inspection import Inspection
from case_svc.files.rules.parts import FileForm
from case_svc.settings import settings_of
from chassis import clock
from chassis.auth import Actor
from chassis.database.sessions import WriteSession, process_of, transaction
from chassis.process import Process


@dataclass(frozen=True)
class FileAccess:
    """Why someone other than the uploader may read a file.

    A recorded access goes into the holder's footprint list: that of staff, never the party's.
    """

    case_id: UUID
    recorded: bool


FindAccess = Callable[[WriteSession, Actor, UUID], Awaitable[FileAccess | None]]
RecordAccess = Callable[[WriteSession, Actor, FileAccess, UUID], Awaitable[None]]

# Boundary lines and part headers around the file itself.
ENVELOPE_BYTES = 64 * 1024
SWEPT_PER_TURN = 200


@dataclass(frozen=True)
class Arrival:
    """A file that lies in the store, checked, but has no row yet."""

    file_id: UUID
    object_key: str
    name: str
    size: int
    media_type: str
    sha256: bytes


async def receive_file(
    process: Process,
    body: AsyncIterator[bytes],
    *,
    limit: int,
    content_type: str,
    length: int,
    repr_digest: str | None,
) -> Arrival:
    """Announce the upload in a transaction of its own, then stream the body into the store.

    The first thing that is wrong stops the reading, and the store keeps nothing.
    """
    form = FileForm(content_type)
    expected = digests.sha256_of(repr_digest)
    inspection = Inspection(limit)
    if length > limit + ENVELOPE_BYTES:
        raise FileTooLarge(limit=limit)
    moment, file_id = clock.now(), clock.new_id()
    upload = FileUpload(file_id=file_id, object_key=f"{moment:%Y/%m/%d}/{file_id}", begun_at=moment)
    # The announcement must stand even if everything after it fails: the sweeper goes by it.
    async with transaction(process) as session:
        session.add(upload)

    async def inspected() -> AsyncIterator[bytes]:
        async for chunk in body:
            piece = form.feed(chunk)
            if piece:
                inspection.feed(piece, extension=form.extension, declared=form.declared)
                yield piece
        form.conclude()
        for digest in (expected, digests.sha256_of(form.digest)):
            inspection.conclude(extension=form.extension, declared=form.declared, expected=digest)

    await process.files.put(upload.object_key, inspected())
    assert inspection.kind is not None
    return Arrival(
        file_id=upload.file_id,
        object_key=upload.object_key,
        name=form.name,
        size=inspection.size,
        media_type=inspection.kind.media_type,
        sha256=inspection.sha256,
    )


async def keep_file(session: WriteSession, actor: Actor, arrival: Arrival) -> StoredFile:
    """Give the arrived object its row; from now on the sweeper passes it by."""
    announced = delete(FileUpload).where(FileUpload.file_id == arrival.file_id)
    result = await session.execute(announced.returning(FileUpload.file_id))
    if result.scalar_one_or_none() is None:
        raise UploadExpired
    stored = StoredFile(
        file_id=arrival.file_id,
        object_key=arrival.object_key,
        uploader_id=actor.id,
        name=process_of(session).vault.encrypt(arrival.name),
        size=arrival.size,
        media_type=arrival.media_type,
        sha256=arrival.sha256,
        stored_at=clock.now(),
    )
    session.add(stored)
    await session.flush()
    return stored


async def open_file(
    session: WriteSession,
    actor: Actor,
    file_id: UUID,
    *,
    find_access: FindAccess,
    record_access: RecordAccess,
) -> StoredFile:
    """The file for its uploader, or for who may see a case it belongs to."""
    stored = await queries.get_file(session, file_id)
    if stored.uploader_id == actor.id:
        return stored
    access = await find_access(session, actor, file_id)
    if access is None:
        raise FileMissing(file_id=file_id)
    if access.recorded:
        # The id, not the name: people name scans after themselves, and the footprint is an event.
        await record_access(session, actor, access, file_id)
    return stored


async def sweep_uploads(session: WriteSession) -> None:
    """Remove objects whose upload was announced but never got a row.

    Storage inside a transaction, on purpose: only rows that no request touches any more are
    locked, and the row may go only when its object is gone.
    """
    files = process_of(session).files
    before = clock.now() - timedelta(minutes=settings_of(session).file_upload_minutes)
    stale = (
        select(FileUpload)
        .where(FileUpload.begun_at < before)
        .limit(SWEPT_PER_TURN)
        .with_for_update(skip_locked=True)
    )
    for upload in (await session.scalars(stale)).all():
        if await files.exists(upload.object_key):
            await files.delete(upload.object_key)
        await session.delete(upload)
