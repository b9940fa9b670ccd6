"""Plain SQL on the driver's connection, inside a session's transaction or together with others.

Hot statements only (decisions 0017 and 0025); everything else is the session's.
"""

import asyncio
import contextvars
import zlib
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Hashable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import asyncpg
from sqlalchemy import Connection, Engine
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession
from sqlalchemy.orm import Session
from sqlalchemy.pool import QueuePool
from sqlalchemy.util.concurrency import greenlet_spawn

from chassis.settings import Context, context

One = TypeVar("One")
Found = TypeVar("Found")
# Answers what is asked, in its order, on a connection of the driver.
Verb = Callable[[Any, Sequence[One]], Awaitable[Sequence[Found]]]
_MOST = 64
# What may be the fault of one of those who ask together.
_FAULTS = (
    asyncpg.DataError,
    asyncpg.IntegrityConstraintViolationError,
    asyncpg.CardinalityViolationError,
    asyncpg.TransactionRollbackError,
)


class PlainFirst(Session):
    """A session that works on the connection plain SQL took, where there is one."""

    def get_bind(self, *targets: Any, **options: Any) -> Any:
        line = self.info.get("line")
        if line is None:
            self.info["bound"] = True
            return super().get_bind(*targets, **options)
        if "bind" not in self.info:
            assert isinstance(self.bind, Engine)
            self.info["bind"] = Connection(self.bind, connection=line)
        return self.info["bind"]


class PlainSession(AsyncSession):
    """Put together when something of the session is used; hot requests use plain SQL alone."""

    info: Any = None  # in place of SQLAlchemy's property

    def __init__(self, *, info: dict[Any, Any] | None = None, **manner: Any) -> None:
        self.info, self._manner = {} if info is None else info, manner

    def __getattr__(self, name: str) -> Any:
        if name not in ("sync_session", "_proxied"):
            raise AttributeError(name)
        super().__init__(**self._manner)
        self.sync_session.info = self.info
        return self.sync_session


def is_used(session: AsyncSession) -> bool:
    """Whether anything but plain SQL was asked of it."""
    return "sync_session" in vars(session)


def holds_changes(session: AsyncSession) -> bool:
    """Whether it knows of changes it has not flushed."""
    return is_used(session) and bool(session.new or session.dirty or session.deleted)


async def driver(session: AsyncSession) -> Any:
    """The asyncpg connection inside this session's transaction, for hot statements in plain SQL.

    What the session has not flushed is not there yet. Where plain SQL comes first the session
    opens nothing of its own, which would take longer than most statements (decision 0017).
    """
    line: Any = session.info.get("line")
    if line is None:
        if _is_free(session):
            line = session.info["line"] = await context(session).engine.raw_connection()
        else:
            line = await (await session.connection()).get_raw_connection()
    adapted = line.dbapi_connection
    if adapted is None:
        raise ConnectionError("the database connection broke")
    # SQLAlchemy begins with a statement of its own, and this one may come before any. What only
    # reads needs no beginning: each statement sees what is committed, with it or without.
    if adapted._transaction is None and "single" not in session.info:  # noqa: SLF001 - no public way
        await adapted._start_transaction()  # noqa: SLF001
    return adapted.driver_connection


def _is_free(session: AsyncSession) -> bool:
    """Whether it has no connection yet, neither its own nor one it was given."""
    return isinstance(session, PlainSession) and "bound" not in session.info


@dataclass(frozen=True)
class _Asked(Generic[One, Found]):
    one: One
    weight: int
    answer: "asyncio.Future[Found]"


@dataclass
class _Queue(Generic[One, Found]):
    waiting: deque[_Asked[One, Found]] = field(default_factory=deque)
    task: asyncio.Task[None] | None = None

    def cut(self) -> list[_Asked[One, Found]]:
        """The next to share a statement; who has gone away meanwhile is left out."""
        taken: list[_Asked[One, Found]] = []
        weight = 0
        while self.waiting and (not taken or weight + self.waiting[0].weight <= _MOST):
            one = self.waiting.popleft()
            if not one.answer.done():
                taken.append(one)
                weight += one.weight
        return taken


def shares(session: AsyncSession) -> bool:
    """Whether what it asks `together` is asked with others, and committed at once."""
    return "line" not in session.info and _is_free(session)


async def together(
    session: AsyncSession,
    verb: Verb[One, Found],
    one: One,
    *,
    apart: Hashable = None,
    weight: int = 1,
) -> Found:
    """What `verb` answers for one, by one statement with what other requests ask just now.

    It commits by itself. A session that has begun asks alone, in its own transaction. Only those
    with the same `apart` share and wait for one another; `weight` counts towards 64 a statement.
    """
    if not shares(session):
        return (await verb(await driver(session), [one]))[0]
    here = context(session)
    queue: _Queue[One, Found] = here.queues.setdefault((verb, apart), _Queue())
    asked: _Asked[One, Found] = _Asked(one, weight, asyncio.get_running_loop().create_future())
    queue.waiting.append(asked)
    if queue.task is None:
        # It serves many, so nothing of the first one's context (a trace, a request id) goes along.
        serving = _serve(here, verb, queue)
        queue.task = asyncio.create_task(serving, context=contextvars.Context())
    return await asked.answer


async def _serve(here: Context, verb: Verb[One, Found], queue: _Queue[One, Found]) -> None:
    """What comes while a statement is under way waits for the next, and shares it."""
    try:
        await asyncio.sleep(0)
        while asked := queue.cut():
            await _ask(here, verb, asked)
    finally:
        # At once, not when the loop gets to it: who comes next must start another.
        queue.task = None


async def _ask(here: Context, verb: Verb[One, Found], asked: Sequence[_Asked[One, Found]]) -> None:
    try:
        async with alone(here) as database:
            found = await verb(database, [one.one for one in asked])
        for one, given in zip(asked, found, strict=True):
            if not one.answer.done():  # who asked may have been cancelled
                one.answer.set_result(given)
    except _FAULTS as error:
        if len(asked) == 1:
            _refuse(asked, error)
            return
        # Nothing is written; apart from who is at fault, the others need not fail.
        half = len(asked) // 2
        for some in (asked[:half], asked[half:]):
            await _ask(here, verb, some)
    except BaseException as error:
        _refuse(asked, error)
        if not isinstance(error, Exception):
            raise


def _refuse(asked: Sequence[_Asked[Any, Any]], error: BaseException) -> None:
    """Whatever it is, those who wait must hear of it."""
    for one in asked:
        if not one.answer.done():
            one.answer.set_exception(error)


@asynccontextmanager
async def alone(here: Context) -> AsyncIterator[Any]:
    """A connection whose statements commit each by itself."""
    line: Any = await here.engine.raw_connection()
    try:
        yield line.dbapi_connection.driver_connection
    finally:
        await _lay_back(here, line)


@asynccontextmanager
async def settled(session: AsyncSession) -> AsyncIterator[AsyncSession]:
    try:
        yield session
    except BaseException:
        await settle(session, good=False)
        raise
    await settle(session, good=True)


async def settle(session: AsyncSession, *, good: bool) -> None:
    """Commit or roll back what session and plain SQL did, and give their connection back."""
    try:
        if is_used(session) and session.in_transaction():
            await (session.commit() if good else session.rollback())
        line = session.info.get("line")
        if line is not None and line.is_valid:
            await _end(line, good=good)
        elif line is not None and good:
            raise ConnectionError("the database connection broke before the end")
    finally:
        await _give_back(session)


async def _end(line: Any, *, good: bool) -> None:
    begun = line.dbapi_connection._transaction  # noqa: SLF001
    if begun is not None:
        await (begun.commit() if good else begun.rollback())
        line.dbapi_connection._transaction = None  # noqa: SLF001


async def _give_back(session: AsyncSession) -> None:
    line = session.info.pop("line", None)
    if "bound" in session.info or "bind" in session.info:
        await asyncio.shield(session.close())
    if line is not None:
        await _lay_back(context(session), line, lent="lent" in session.info)


async def _lay_back(here: Context, line: Any, *, lent: bool = False) -> None:
    if not line.is_valid:
        return
    pool = here.engine.pool
    if line.dbapi_connection._transaction is not None:  # noqa: SLF001
        # Nobody knows what state a connection is in whose transaction did not end.
        await asyncio.shield(greenlet_spawn(line.invalidate))
    elif lent:
        return
    elif isinstance(pool, QueuePool) and pool.checkedin() < pool.size():
        line.close()
    else:
        await asyncio.shield(greenlet_spawn(line.close))


async def driver_of(connection: AsyncConnection) -> Any:
    """The driver's own connection, on which no transaction is open: for plain statements."""
    return (await connection.get_raw_connection()).driver_connection


@asynccontextmanager
async def leading(here: Context, what: str) -> AsyncIterator[AsyncConnection | None]:
    """A connection while this process alone does `what`, None when another does.

    The lock lives as long as the connection: who works on it works alone.
    """
    key = zlib.crc32(what.encode()) | 2 << 40
    async with here.engine.connect() as connection:
        database = await driver_of(connection)
        if not await database.fetchval("SELECT pg_try_advisory_lock($1)", key):
            yield None
            return
        try:
            yield connection
        finally:
            try:
                await database.execute("SELECT pg_advisory_unlock($1)", key)
            except BaseException as error:
                await connection.invalidate()  # or the pool would keep the lock
                if not isinstance(error, Exception):
                    raise
