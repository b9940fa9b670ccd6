"""`Idempotency-Key`: what was asked twice happens once, and both times the answer is the same.

The answer to a keyed POST is a row of the same transaction, so a repeat gets it again. It is found
by client and key, its fingerprint covers method, path, query and body, and it is encrypted like a
column because it may hold personal data.
"""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, Any

import asyncpg
from fastapi import Depends, Request, Response
from fastapi.responses import JSONResponse
from pydantic_core import from_json, to_json
from sqlalchemy import Table, func, text
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.auth import Actor
from chassis.driver import Verb, driver, together
from chassis.errors import Conflict, FieldError, Invalid, PreconditionMissing
from chassis.settings import context
from chassis.tables import idempotency_record
from chassis.vault import Vault

_SORTED = json.JSONEncoder(sort_keys=True)
_KEY = re.compile(r'^(?:"([\x20-\x21\x23-\x7e]{1,200})"|([\x21\x23-\x7e]{1,200}))$')

_answer: ContextVar["Captured | None"] = ContextVar("answer", default=None)


class KeyReused(Invalid):
    slug = "idempotency-key-reused"
    zh = "这个 Idempotency-Key 已用于另一个请求。请换一个新的键。"
    en = "This Idempotency-Key was used for a different request. Use a new key."


class KeyRunning(Conflict):
    slug = "idempotency-key-running"
    zh = "同一 Idempotency-Key 的请求正在处理。请稍后用同一键重试。"
    en = "A request with this Idempotency-Key is still running. Repeat it shortly."


# FastAPI may have read a form already, and its stream does not come twice; the parts do.
_FORMS = ("multipart/", "application/x-www-form-urlencoded")
# So much of a request is what 64 may have that are written by one statement.
_LIGHT_BYTES = 16 * 1024
# Headers that belong to the answer and not to its way here.
_KEPT_HEADERS = ("etag", "location")
_LOOK = """
SELECT pg_try_advisory_xact_lock(hashtextextended($1::text || '|' || $2::text, 0)) AS locked,
  kept.fingerprint AS kept_fingerprint, kept.status AS kept_status, kept.answer AS kept_answer
FROM (SELECT) AS once LEFT JOIN idempotency_record AS kept ON scope = $1 AND key = $2"""
# Each is found by index, however little the planner knows of how many are asked. And it must not
# know: with `(SELECT …)` around the arrays it makes one plan for all times, and not one each time.
_FIND = """
SELECT kept.fingerprint AS kept_fingerprint, kept.status AS kept_status,
  kept.answer AS kept_answer, ground.*
FROM unnest((SELECT $1::text[]), (SELECT $2::text[]){types})
  WITH ORDINALITY AS asked (scope, key{names}, turn)
LEFT JOIN LATERAL (
  SELECT * FROM idempotency_record WHERE scope = asked.scope AND key = asked.key OFFSET 0
) AS kept ON true
LEFT JOIN LATERAL (SELECT true AS grounded, one.* FROM ({select}) AS one) AS ground ON true
ORDER BY asked.turn"""
# The row lock on the sequence also orders concurrent writers of one entity.
_EVENT = """
WITH counted AS (
  INSERT INTO outbox_sequence AS known (entity, last)
  SELECT entity, 1 FROM unnest((SELECT $1::text[])) AS entity
  ON CONFLICT (entity) DO UPDATE SET last = known.last + 1 RETURNING entity, last),
told AS (
  INSERT INTO outbox_event (event_id, type, subject, entity, sequence, envelope)
  SELECT event_id, type, subject, entity, last, before || last || after
  FROM unnest((SELECT $1::text[]), (SELECT $2::uuid[]), (SELECT $3::text[]),
    (SELECT $4::text[]), (SELECT $5::text[]), (SELECT $6::text[]))
    AS one (entity, event_id, type, subject, before, after) JOIN counted USING (entity))"""
_KEEP = """
INSERT INTO idempotency_record (scope, key, fingerprint, status, answer)
SELECT * FROM unnest((SELECT $7::text[]), (SELECT $8::text[]), (SELECT $9::bytea[]),
  (SELECT $10::int[]), (SELECT $11::bytea[]))"""


@dataclass
class Captured:
    """The answer FastAPI rendered; its headers are complete only when the route has returned."""

    response: Response | None = None


class Answer(JSONResponse):
    """The default response: remembers what it rendered, for the idempotency record."""

    def __init__(self, content: Any = None, status_code: int = 200, **options: Any) -> None:
        super().__init__(content, status_code, **options)
        captured = _answer.get()
        if captured is not None:
            captured.response = self


class Replayed(Exception):
    """Not a failure: the stored answer of an earlier request with the same key."""

    def __init__(self, status: int, answer: str) -> None:
        content = json.loads(answer)
        self.status = status
        self.headers: dict[str, str] = content["headers"]
        self.body: str = content["body"]


@dataclass
class Attempt:
    scope: str
    key: str
    fingerprint: bytes
    captured: Captured
    size: int


async def required_key(request: Request) -> str:
    """The key, for routes where it is not optional."""
    header = request.headers.get("idempotency-key")
    if header is None:
        raise PreconditionMissing(header="Idempotency-Key")
    return _parse(header)


RequiredKey = Annotated[str, Depends(required_key)]


@dataclass(frozen=True)
class Left:
    """What a request leaves when it ends: its last event, its answer, and rows by table."""

    event: tuple[Any, ...] | None
    answer: tuple[Any, ...] | None
    rows: Mapping[Table, Sequence[Mapping[str, Any]]]


async def begin(
    session: AsyncSession, request: Request, actor: Actor | None, *, looks: bool = True
) -> Attempt | None:
    """Lock the key for this transaction; raises Replayed, KeyRunning or KeyReused.

    Without `looks` that is left to `ground_row`, which must come before all else, and locks
    nothing: of two with one key in two processes, the second to write is refused.
    """
    header = request.headers.get("idempotency-key")
    if request.method != "POST" or header is None:
        return None
    scope = str(actor.id) if actor else "anyone"
    fingerprint = await _fingerprint(request)
    size = int(request.headers.get("content-length", "0"))
    attempt = Attempt(scope, _parse(header), fingerprint, Captured(), size)
    session.info["attempt"] = attempt
    if looks:
        await _look(session)
    else:
        _enter(session, attempt)
    _answer.set(attempt.captured)
    session.info["event"], session.info["rows"] = None, {}
    return attempt


def _enter(session: AsyncSession, attempt: Attempt) -> None:
    here, mark = context(session), (attempt.scope, attempt.key)
    if mark in here.keys_under_way:
        raise KeyRunning
    here.keys_under_way.add(mark)
    session.info["under_way"] = mark


def leave(session: AsyncSession) -> None:
    """The request is over for whoever comes with its key in this process."""
    mark = session.info.pop("under_way", None)
    context(session).keys_under_way.discard(mark)


async def _look(session: AsyncSession) -> None:
    attempt: Attempt = session.info.pop("attempt")
    found = await (await driver(session)).fetchrow(_LOOK, attempt.scope, attempt.key)
    if not found["locked"]:
        raise KeyRunning
    _first_time(session, attempt, found)


def _first_time(session: AsyncSession, attempt: Attempt, found: Any) -> None:
    if found["kept_fingerprint"] is None:
        return
    if found["kept_fingerprint"] != attempt.fingerprint:
        raise KeyReused
    answer = context(session).vault.decrypt(found["kept_answer"])
    raise Replayed(found["kept_status"], answer)


def ground(select: str, **columns: str) -> Verb[tuple[Any, ...], Any]:
    """What requests rest on: a statement about `asked`, which has these columns of these types."""
    names = "".join(f", {name}" for name in columns)
    types = "".join(f", (SELECT ${at}::{kind}[])" for at, kind in enumerate(columns.values(), 3))
    statement = _FIND.format(select=select, names=names, types=types)

    async def find(database: Any, asked: Sequence[tuple[Any, ...]]) -> Sequence[Any]:
        found: Sequence[Any] = await database.fetch(statement, *zip(*asked, strict=True))
        return found

    return find


async def ground_row(
    session: AsyncSession, find: Verb[tuple[Any, ...], Any], *values: Any
) -> Any | None:
    """The row a request rests on, by the statement that also looks for its key."""
    attempt: Attempt | None = session.info.pop("attempt", None)
    known = (attempt.scope, attempt.key) if attempt else (None, None)
    found = await together(session, find, (*known, *values))
    if attempt is not None:
        _first_time(session, attempt, found)
    return found if found["grounded"] else None


async def leave_rows(
    session: AsyncSession, rows: Mapping[Table, Sequence[Mapping[str, Any]]]
) -> None:
    """Write new rows, of values as JSON has them; those of a keyed request wait for its answer."""
    if "rows" in session.info:
        for table, ones in rows.items():
            session.info["rows"].setdefault(table, []).extend(ones)
    else:
        await write(await driver(session), [Left(None, None, rows)])


async def keep(session: AsyncSession, attempt: Attempt) -> None:
    """Write the answer beside the effect; an answer that is no 2xx is not kept."""
    if "attempt" in session.info:
        await _look(session)
    response = attempt.captured.response
    _answer.set(None)
    event, rows = session.info.pop("event"), session.info.pop("rows")
    answer = None
    if response is not None and 200 <= response.status_code < 300:  # noqa: PLR2004 - 2xx
        answer = _kept(context(session).vault, attempt, response)
    left = Left(event, answer, rows)
    try:
        # Rows of its own are new, and so is what the event speaks of: others cannot be in the way.
        if rows:
            await together(session, write, left, weight=1 + attempt.size // _LIGHT_BYTES)
        elif answer or event:
            await write(await driver(session), [left])
    except asyncpg.UniqueViolationError as error:
        if error.constraint_name != f"pk_{idempotency_record.name}":
            raise
        # Whoever had the same key committed after our look; nothing of ours stays.
        raise KeyRunning from error


def _kept(vault: Vault, attempt: Attempt, response: Response) -> tuple[Any, ...]:
    headers = {name: response.headers[name] for name in _KEPT_HEADERS if name in response.headers}
    text = to_json({"headers": headers, "body": bytes(response.body).decode()})
    box = vault.encrypt(text.decode())
    return attempt.scope, attempt.key, attempt.fingerprint, response.status_code, box


async def write_event(session: AsyncSession, event: tuple[Any, ...]) -> None:
    """Entity, id, type, subject and the text before and after the sequence, as one row.

    The last event of a keyed request waits for the answer, and is written by the same statement.
    """
    if "event" not in session.info:
        await write(await driver(session), [Left(event, None, {})])
        return
    before, session.info["event"] = session.info["event"], event
    if before is not None:
        rows, session.info["rows"] = session.info["rows"], {}
        await write(await driver(session), [Left(before, None, rows)])


async def write(database: Any, left: Sequence[Left]) -> Sequence[None]:
    """Write what requests leave, all of it or nothing."""
    rows: dict[Table, list[Mapping[str, Any]]] = {}
    for one in left:
        for table, ones in one.rows.items():
            rows.setdefault(table, []).extend(ones)
    events = _columns([one.event for one in left if one.event is not None], 6)
    answers = _columns([one.answer for one in left if one.answer is not None], 5)
    texts = (to_json(ones).decode() for ones in rows.values())
    await database.execute(_statement(tuple(rows)), *events, *answers, *texts)
    return [None] * len(left)


def _columns(rows: Sequence[tuple[Any, ...]], width: int) -> Sequence[Sequence[Any]]:
    return [*zip(*rows, strict=True)] or [()] * width


@lru_cache
def _statement(tables: tuple[Table, ...]) -> str:
    written = "".join(_insert(table, at) for at, table in enumerate(tables, 12))
    return f"{_EVENT}{written}{_KEEP}"


def _insert(table: Table, at: int) -> str:
    names = ", ".join(table.columns.keys())
    return (
        f", {table.name}s AS (INSERT INTO {table.name} ({names}) SELECT {names}"  # noqa: S608 - our own tables
        f" FROM json_populate_recordset(NULL::{table.name}, ${at}::text::json))"
    )


async def forget_old(session: AsyncSession) -> None:
    hours = context(session).settings.idempotency_hours
    await session.execute(
        idempotency_record.delete().where(
            idempotency_record.c.created_at < func.now() - text(f"interval '{int(hours)} hours'")
        )
    )


def _parse(header: str) -> str:
    match = _KEY.match(header.strip())
    if match is None:
        raise Invalid(
            [
                FieldError(
                    pointer="",
                    code="idempotency_key",
                    zh="Idempotency-Key 须为 1–200 个可见字符",
                    en="Idempotency-Key must be 1–200 visible characters",
                )
            ]
        )
    return match[1] or match[2]


async def _fingerprint(request: Request) -> bytes:
    query = request.scope["query_string"].decode("latin-1")
    digest = hashlib.sha256(f"{request.method} {request.scope['path']}?{query}\n".encode())
    if hasattr(request.state, "fingerprint"):  # a route that has read the body says what it was
        digest.update(request.state.fingerprint)
    elif request.headers.get("content-type", "").startswith(_FORMS):
        await _digest_form(request, digest)
    else:
        digest.update(_canonical(await request.body()))
    return digest.digest()


async def _digest_form(request: Request, digest: "hashlib._Hash") -> None:
    # Boundaries differ from try to try, so the parts are hashed and not the raw body.
    for name, value in (await request.form()).multi_items():
        digest.update(f"{name}\n".encode())
        if isinstance(value, str):
            digest.update(value.encode(errors="replace"))
            continue
        digest.update(f"{value.filename}\n".encode(errors="replace"))
        await value.seek(0)
        while chunk := await value.read(256 * 1024):
            digest.update(chunk)
        await value.seek(0)


def _canonical(body: bytes) -> bytes:
    try:
        return _SORTED.encode(from_json(body)).encode()
    except (ValueError, RecursionError):
        return body
