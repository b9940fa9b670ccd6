"""A service as small as a service can be: notes that can be written, read and listed."""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

import sqlalchemy as sa
from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from chassis import clock
from chassis.auth import Anyone, PlatformAdmin, SignedIn
from chassis.database.engine import new_base
from chassis.database.sessions import ReadSession, WriteSession
from chassis.errors import Conflict, NotFound
from chassis.events import Event
from chassis.http.idempotency import RequiredKey
from chassis.http.route import Outcome, StagedRoute, TransactionRoute
from chassis.outbox import record
from chassis.pagination import Page, PageQuery, page_of, paginate
from chassis.preconditions import OptionalMatch, RequiredMatch, ensure_match, public_read, set_tag
from chassis.problems import problems, refusal
from chassis.service import Copied, Loop, Service
from chassis.settings import ServiceSettings
from chassis.subscriptions import Later, Received, Subscriptions

Base = new_base()


class SampleSettings(ServiceSettings):
    """Nothing of its own."""


class Note(Base):
    __tablename__ = "note"
    note_id: Mapped[UUID] = mapped_column(primary_key=True)
    text: Mapped[str]
    version: Mapped[int] = mapped_column(default=1)
    written_at: Mapped[datetime] = mapped_column(sa.DateTime(timezone=True))


class Heard(Base):
    __tablename__ = "heard"
    entity_id: Mapped[str] = mapped_column(primary_key=True)
    times: Mapped[int]


class NoteWritten(Event):
    """A note stands."""

    type: ClassVar[str] = "sample.note.written.v1"
    key: ClassVar[str] = "note_id"
    note_id: UUID
    version: int


class NoteNotFound(NotFound):
    slug = "note-not-found"


class NoteTaken(Conflict):
    slug = "note-taken"


class NoteIn(BaseModel):
    model_config = ConfigDict(extra="forbid")
    text: str = Field(max_length=2000)


class NoteOut(BaseModel):
    note_id: UUID
    text: str
    version: int


class Spoken(BaseModel):
    entity_id: str
    then: str = "ok"


router = APIRouter(
    route_class=TransactionRoute, prefix="/api/v1/notes", responses=problems(NoteNotFound)
)
subscriptions = Subscriptions()


@router.post("", status_code=201)
async def write_note(
    body: NoteIn, response: Response, actor: SignedIn, session: WriteSession
) -> NoteOut:
    """Write a note."""
    note = await _write(session, body.text)
    set_tag(response, note.version)
    response.headers["Location"] = f"/api/v1/notes/public/{note.note_id}"
    return note


@router.post("/keyed", status_code=201)
async def write_keyed(
    body: NoteIn, actor: SignedIn, key: RequiredKey, session: WriteSession
) -> NoteOut:
    return await _write(session, body.text)


@router.post("/refused")
async def refuse(request: Request, body: NoteIn, actor: Anyone, session: WriteSession) -> Response:
    """Leaves a trace although it is refused."""
    await _write(session, body.text)
    return refusal(request, NoteTaken())


@router.post("/broken")
async def break_down(body: NoteIn, actor: Anyone, session: WriteSession) -> None:
    await _write(session, body.text)
    raise NoteTaken


@router.post("/deferred", status_code=201)
async def write_deferred(body: NoteIn, actor: Anyone, session: WriteSession) -> NoteOut:
    """Succeeds until COMMIT, where a deferred constraint speaks."""
    await session.execute(sa.text("INSERT INTO deferred (one) VALUES (1), (1)"))
    return await _write(session, body.text)


@router.get("")
async def list_notes(actor: Anyone, session: ReadSession, page: PageQuery) -> Page[NoteOut]:
    keys = [(Note.written_at, "desc"), (Note.note_id, "asc")]
    window = await paginate(session, sa.select(Note), keys, page)
    return page_of(window, [_out(note) for note in window.rows])


@router.get("/public/{note_id}")
async def read_public(
    note_id: UUID, request: Request, response: Response, actor: Anyone, session: ReadSession
) -> NoteOut:
    note = await _load(session, note_id)
    public_read(request, response, f"{note_id}.{note.version}", 30)
    return _out(note)


@router.get("/sneaky")
async def write_while_reading(actor: Anyone, session: ReadSession) -> NoteOut:
    return await _write(session, "sneaky")


@router.put("/{note_id}")
async def replace_note(
    note_id: UUID,
    body: NoteIn,
    match: RequiredMatch,
    response: Response,
    actor: PlatformAdmin,
    session: WriteSession,
) -> NoteOut:
    note = await _load(session, note_id)
    ensure_match(match, note.version)
    note.text, note.version = body.text, note.version + 1
    set_tag(response, note.version)
    return _out(note)


@router.post("/{note_id}/touch")
async def touch_note(
    note_id: UUID, match: OptionalMatch, actor: SignedIn, session: WriteSession
) -> NoteOut:
    note = await _load(session, note_id)
    ensure_match(match, note.version)
    note.version += 1
    return _out(note)


@router.get("/{note_id}")
async def read_note(note_id: UUID, actor: PlatformAdmin, session: ReadSession) -> NoteOut:
    return _out(await _load(session, note_id))


@router.post("/{note_id}/approval")
async def approve_note(
    note_id: UUID, response: Response, actor: PlatformAdmin, session: WriteSession
) -> NoteOut:
    """What staff do answers with the note as it is at the address it names."""
    note = await _load(session, note_id)
    note.version += 1
    response.headers["Content-Location"] = f"/api/v1/notes/{note_id}"
    return _out(note)


staged = APIRouter(route_class=StagedRoute, prefix="/api/v1/notes")


@staged.post("/staged", status_code=201)
async def write_slowly(request: Request, actor: SignedIn, outcome: Outcome) -> NoteOut:
    """The body is read as a stream, and slow work is done, before the outcome's transaction."""
    text = b"".join([chunk async for chunk in request.stream()]).decode()
    return await _write(await outcome.begin(actor, content=text.encode()), text)


@subscriptions.on("other.word.spoken.v1", Spoken)
async def on_word_spoken(session: AsyncSession, event: Received[Spoken]) -> None:
    heard = await session.get(Heard, event.data.entity_id, with_for_update=True)
    if heard is None:
        session.add(Heard(entity_id=event.data.entity_id, times=1))
    else:
        heard.times += 1
    await session.flush()
    if event.data.then == "later":
        raise Later("not yet")
    if event.data.then == "fail":
        raise RuntimeError("the handler fails")


async def _write(session: AsyncSession, text: str) -> NoteOut:
    note = Note(note_id=clock.new_id(), text=text, version=1, written_at=clock.now())
    session.add(note)
    await record(session, NoteWritten(note_id=note.note_id, version=1))
    return _out(note)


async def _load(session: AsyncSession, note_id: UUID) -> Note:
    note = await session.get(Note, note_id)
    if note is None:
        raise NoteNotFound
    return note


def _out(note: Note) -> NoteOut:
    return NoteOut(note_id=note.note_id, text=note.text, version=note.version)


async def publish_note(session: AsyncSession, note: Note) -> None:
    await record(session, NoteWritten(note_id=note.note_id, version=note.version))


COPIED = [Copied(Note, publish_note)]


async def sweep(session: AsyncSession) -> None:
    await session.execute(sa.delete(Note).where(Note.text == "sweep me"))


def create_service(settings: SampleSettings | None = None) -> Service:
    return Service(
        name="sample",
        settings=settings or SampleSettings(),
        routers=[staged, router],
        subscriptions=[subscriptions],
        metadata=Base.metadata,
        events=[NoteWritten],
        migrations="sample:migrations",
        loops=[Loop("sweep", 0.2, sweep)],
        republish=COPIED,
        signs=True,
    )
