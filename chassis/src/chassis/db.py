"""Sessions and the one place that commits: a request is a transaction, so is a turn of a worker."""

import socket
import time
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from asyncpg import Connection
from fastapi import Depends, Request
from pydantic_core import from_json
from sqlalchemy import Executable, MetaData, event
from sqlalchemy.dialects.postgresql import asyncpg
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.ext.asyncio import (
    AsyncConnection,
    AsyncEngine,
    AsyncSession,
    async_sessionmaker,
    create_async_engine,
)
from sqlalchemy.orm import DeclarativeBase

from chassis import idempotency, tables
from chassis.auth import Actor, MaybeActor, TokenKeys
from chassis.driver import PlainFirst, PlainSession, holds_changes, settle, settled
from chassis.driver import driver as driver  # noqa: PLC0414 - re-exported for use cases
from chassis.driver import shares as shares  # noqa: PLC0414
from chassis.driver import together as together  # noqa: PLC0414
from chassis.files import open_files
from chassis.settings import Context, ServiceSettings
from chassis.settings import context as context  # noqa: PLC0414 - re-exported for use cases
from chassis.vault import open_vault

_TRUSTED_SECONDS = 10
# Beyond that 503 with Retry-After tells the client more than waiting.
_PATIENCE_SECONDS = 5
_FIRST_OWN_TYPE = 16384
# A machine that is lost says nothing more. Without these the server keeps a lost worker's lock, and
# a client waits for a lost server, for hours; with them either end gives up in half a minute.
_NOTICING = (
    ("tcp_keepalives_idle", "TCP_KEEPIDLE", 10),
    ("tcp_keepalives_interval", "TCP_KEEPINTVL", 5),
    ("tcp_keepalives_count", "TCP_KEEPCNT", 3),
    ("tcp_user_timeout", "TCP_USER_TIMEOUT", 30_000),
)
_MANNERS = {name: str(value) for name, _, value in _NOTICING}
_DIALECT = asyncpg.dialect()  # type: ignore[no-untyped-call]


def new_base() -> type[DeclarativeBase]:
    """A declarative base of a service's own, with the chassis' tables in its metadata."""
    metadata = MetaData(naming_convention=tables.NAMING)
    for table in tables.metadata.sorted_tables:
        table.to_metadata(metadata)
    return type("Base", (DeclarativeBase,), {"metadata": metadata})


class _Line(Connection):  # type: ignore[misc]
    """A connection that notices a lost server and knows what an earlier one learned of types.

    The driver asks for PostgreSQL's own types anew on each connection, 12 ms of the server's time
    before its first array.
    """

    _learned: ClassVar[dict[frozenset[int], Any]] = {}

    def __init__(self, protocol: Any, transport: Any, *rest: Any) -> None:
        super().__init__(protocol, transport, *rest)
        line = transport.get_extra_info("socket")
        if line.family == socket.AF_UNIX:
            return
        line.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for _, option, value in _NOTICING:
            if hasattr(socket, option):  # Linux has them all
                line.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)

    async def _introspect_types(self, typeoids: Iterable[int], *options: Any) -> Any:
        wanted = frozenset(typeoids)
        if max(wanted) >= _FIRST_OWN_TYPE:  # the same number is another type elsewhere
            return await super()._introspect_types(typeoids, *options)
        if wanted not in self._learned:
            self._learned[wanted] = await super()._introspect_types(typeoids, *options)
        return self._learned[wanted]


def new_engine(url: str, *, pool_size: int = 10) -> AsyncEngine:
    parsed = make_url(url).set(drivername="postgresql+asyncpg")
    engine = create_async_engine(
        parsed,
        pool_size=pool_size,
        max_overflow=pool_size,
        pool_use_lifo=True,  # few connections in use, each with its statements prepared
        pool_timeout=_PATIENCE_SECONDS,
        json_deserializer=from_json,  # a row of a queue has several, and this is the fastest
        hide_parameters=True,  # an error's text goes into logs and dead letters
        connect_args={
            "connection_class": _Line,
            "server_settings": {"application_name": "onenet", "timezone": "UTC", **_MANNERS},
        },
    )
    event.listen(engine.sync_engine, "checkout", _ensure_alive)
    event.listen(engine.sync_engine, "checkin", _note_use)
    return engine


def _ensure_alive(connection: Any, record: Any, _: object) -> None:
    """The pool replaces a connection refused here; a ping each time would be three round trips.

    The driver hears when its server goes; only a connection long idle may have died unheard.
    """
    if connection.driver_connection.is_closed():
        raise DisconnectionError
    if time.monotonic() - record.info.get("used_at", float("inf")) > _TRUSTED_SECONDS:
        try:
            connection.ping()
        except Exception as error:
            raise DisconnectionError from error


def _note_use(_: object, record: Any) -> None:
    record.info["used_at"] = time.monotonic()


def open_context(name: str, settings: ServiceSettings, *, keys: TokenKeys | None = None) -> Context:
    engine = new_engine(settings.database_url.get_secret_value(), pool_size=settings.pool_size)
    writing, reading = sessions_of(engine)
    return Context(
        service=name,
        settings=settings,
        vault=open_vault(
            name, settings.vault_keys.get_secret_value(), settings.seal_keys.get_secret_value()
        ),
        files=open_files(settings.files_url),
        keys=keys or TokenKeys(settings.keys_url, settings.issuer),
        engine=engine,
        writing=writing,
        reading=reading,
    )


def sessions_of(
    engine: AsyncEngine,
) -> tuple[async_sessionmaker[AsyncSession], async_sessionmaker[AsyncSession]]:
    """Those that write and those that only read."""
    manner: dict[str, Any] = {
        "class_": PlainSession,
        "sync_session_class": PlainFirst,
        "expire_on_commit": False,
    }
    reading = engine.execution_options(postgresql_readonly=True)
    return (
        async_sessionmaker(engine, **manner),
        async_sessionmaker(reading, info={"single": True}, **manner),
    )


@asynccontextmanager
async def transaction(
    here: Context, connection: AsyncConnection | None = None
) -> AsyncIterator[AsyncSession]:
    """One transaction outside a request: commits on success, rolls back on any exception.

    `connection` is one on which no transaction is open; it stays the caller's.
    """
    session = here.writing(info={"context": here})
    if connection is not None:
        session.info["line"] = await connection.get_raw_connection()
        session.info["lent"] = True
    async with settled(session):
        yield session
    _wake(session)


def _wake(session: AsyncSession) -> None:
    if session.info.get("wakes"):
        context(session).wake.set()


def _session(*, looks: bool) -> Callable[..., AsyncIterator[AsyncSession]]:
    async def opened(request: Request, actor: MaybeActor) -> AsyncIterator[AsyncSession]:
        here: Context = request.app.state.context
        # As `transaction`, without what two more context managers would cost each request.
        session = here.writing(info={"context": here})
        try:
            attempt = await idempotency.begin(session, request, actor, looks=looks)
            yield session
            if attempt is not None:
                if holds_changes(session):
                    await session.flush()
                await idempotency.keep(session, attempt)
        except BaseException:
            await settle(session, good=False)
            raise
        else:
            await settle(session, good=True)
        finally:
            idempotency.leave(session)
        _wake(session)

    return opened


async def _read_session(request: Request) -> AsyncIterator[AsyncSession]:
    here: Context = request.app.state.context
    session = here.reading(info={"context": here})
    try:
        yield session
    except BaseException:
        await settle(session, good=False)
        raise
    await settle(session, good=True)


async def _look_session(request: Request, actor: MaybeActor) -> AsyncIterator[AsyncSession]:
    here: Context = request.app.state.context
    leaves_trace = actor is not None and actor.kind == "staff"
    session = (here.writing if leaves_trace else here.reading)(info={"context": here})
    try:
        yield session
    except BaseException:
        await settle(session, good=False)
        raise
    await settle(session, good=True)
    _wake(session)


# The scope makes the commit happen before the first response byte: with the default scope a
# client would read 201 for a transaction that then fails to commit.
Session = Annotated[AsyncSession, Depends(_session(looks=True), scope="function")]
# For routes that read their ground with `idempotency.ground_row` before they do anything else.
GroundSession = Annotated[AsyncSession, Depends(_session(looks=False), scope="function")]
ReadSession = Annotated[AsyncSession, Depends(_read_session, scope="function")]
# For reads of personal data: a look of staff writes a footprint, one's own look writes nothing.
LookSession = Annotated[AsyncSession, Depends(_look_session, scope="function")]


@dataclass(frozen=True)
class StagedOutcome:
    """Opens the transaction that records the result of slow work and is kept with the answer."""

    request: Request
    stack: AsyncExitStack

    async def begin(self, actor: Actor | None) -> AsyncSession:
        opened = asynccontextmanager(_session(looks=True))
        return await self.stack.enter_async_context(opened(self.request, actor))


async def _outcome(request: Request) -> AsyncIterator[StagedOutcome]:
    async with AsyncExitStack() as stack:
        yield StagedOutcome(request, stack)


# For routes that work slowly between two transactions of their own.
Outcome = Annotated[StagedOutcome, Depends(_outcome, scope="function")]


@dataclass(frozen=True)
class Plain:
    """A statement as the driver takes it; `places` are the names behind `$1`, `$2` …"""

    text: str
    places: tuple[str, ...]
    fixed: Mapping[str, Any]
    put: Mapping[str, Callable[[Any], Any]]

    def values(self, **given: Any) -> tuple[Any, ...]:
        """What was fixed when it was written, and for its bind parameters what is given now."""
        known = {**self.fixed, **given}
        for name in self.put.keys() & given.keys():
            known[name] = self.put[name](given[name])
        return tuple(known[place] for place in self.places)


def as_plain(statement: Executable, columns: Sequence[str] | None = None) -> Plain:
    """Worth it for a statement that is kept: putting it into words is what takes long.

    `columns` are those an insert is given values for.
    """
    compiled: Any = statement.compile(  # type: ignore[attr-defined]
        dialect=_DIALECT, column_keys=columns
    )
    put = compiled._bind_processors  # noqa: SLF001 - what SQLAlchemy itself does with each value
    fixed = {
        name: put[name](bind.effective_value) if name in put else bind.effective_value
        for name, bind in compiled.binds.items()
        if not bind.required
    }
    return Plain(compiled.string, tuple(compiled.positiontup or ()), fixed, put)


def async_url(url: str) -> Any:
    return make_url(url).set(drivername="postgresql+asyncpg")
