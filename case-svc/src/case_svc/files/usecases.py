"""Receive, keep, open and sweep files."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from case_svc.files import digests, queries
from case_svc.files.errors import FileMissing, FileTooLarge, UploadExpired
from case_svc.files.ground import FileGround
from case_svc.files.inspection import Inspection
from case_svc.files.models import FileUpload, StoredFile
from case_svc.files.parts import FileForm
from case_svc.settings import CaseSettings
from chassis import clock
from chassis.auth import Actor
from chassis.db import context, transaction
from chassis.settings import Context

MaySee = Callable[[AsyncSession, Actor, UUID], Awaitable[FileGround | None]]
Witness = Callable[[AsyncSession, Actor, FileGround, str], Awaitable[None]]

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
    here: Context,
    body: AsyncIterator[bytes],
    *,
    content_type: str,
    length: int,
    repr_digest: str | None,
) -> Arrival:
    """Stream the body into the store, before any transaction of the request begins.

    Whatever is wrong stops the reading at once, and the store keeps nothing.
    """
    form = FileForm(content_type)
    expected = digests.sha256_of(repr_digest)
    inspection = Inspection(settings_of(here).file_limit_bytes)
    if length > inspection.limit + ENVELOPE_BYTES:
        raise FileTooLarge(limit=inspection.limit)
    upload = await _announce(here)
    await here.files.put(upload.object_key, _watched(body, form, inspection, expected))
    assert inspection.kind is not None
    return Arrival(
        file_id=upload.file_id,
        object_key=upload.object_key,
        name=form.name,
        size=inspection.size,
        media_type=inspection.kind.media_type,
        sha256=inspection.sha256,
    )


async def keep_file(session: AsyncSession, actor: Actor, arrival: Arrival) -> StoredFile:
    """Give the arrived object its row; from here on the sweeper passes it by."""
    announced = delete(FileUpload).where(FileUpload.file_id == arrival.file_id)
    found = await session.execute(announced.returning(FileUpload.file_id))
    if found.scalar_one_or_none() is None:
        raise UploadExpired
    stored = StoredFile(
        file_id=arrival.file_id,
        object_key=arrival.object_key,
        uploader_id=actor.id,
        name=context(session).vault.encrypt(arrival.name),
        size=arrival.size,
        media_type=arrival.media_type,
        sha256=arrival.sha256,
        stored_at=clock.now(),
    )
    session.add(stored)
    await session.flush()
    return stored


async def open_file(
    session: AsyncSession, actor: Actor, file_id: UUID, *, may_see: MaySee, witness: Witness
) -> StoredFile:
    """The file for its uploader, or on a ground the cases know; staff looks leave a footprint."""
    stored = await queries.get_file(session, file_id)
    if stored.uploader_id == actor.id:
        return stored
    ground = await may_see(session, actor, file_id)
    if ground is None:
        raise FileMissing(file_id=file_id)
    if ground.recorded:
        # The id, not the name: people name scans after themselves, and the footprint is an event.
        await witness(session, actor, ground, str(file_id))
    return stored


async def sweep_uploads(session: AsyncSession) -> None:
    """Remove objects whose upload was announced but never got a row.

    Storage inside a transaction, on purpose: only rows that no request touches any more are
    locked, and the row may go only when its object is gone.
    """
    here = context(session)
    before = clock.now() - timedelta(minutes=settings_of(here).file_upload_minutes)
    stale = (
        select(FileUpload)
        .where(FileUpload.begun_at < before)
        .limit(SWEPT_PER_TURN)
        .with_for_update(skip_locked=True)
    )
    for upload in (await session.scalars(stale)).all():
        if await here.files.exists(upload.object_key):
            await here.files.delete(upload.object_key)
        await session.delete(upload)


def settings_of(here: Context) -> CaseSettings:
    assert isinstance(here.settings, CaseSettings)
    return here.settings


async def _announce(here: Context) -> FileUpload:
    moment = clock.now()
    file_id = clock.new_id()
    upload = FileUpload(file_id=file_id, object_key=f"{moment:%Y/%m/%d}/{file_id}", begun_at=moment)
    # A transaction of its own: the row must stand even if everything after it fails.
    async with transaction(here) as session:
        session.add(upload)
    return upload


async def _watched(
    body: AsyncIterator[bytes], form: FileForm, inspection: Inspection, expected: bytes | None
) -> AsyncIterator[bytes]:
    async for chunk in body:
        piece = form.feed(chunk)
        if piece:
            inspection.feed(piece, extension=form.extension, declared=form.declared)
            yield piece
    form.conclude()
    told = digests.sha256_of(form.digest)
    for one in (expected, told):
        inspection.conclude(extension=form.extension, declared=form.declared, expected=one)
