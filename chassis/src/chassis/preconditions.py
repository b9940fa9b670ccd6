"""Headers that keep writes safe: `Idempotency-Key`, `If-Match`; and `If-None-Match` for reads.

The answer to a keyed POST is a row of the same transaction, so a repeat gets it again. It is found
by client and key, its fingerprint covers method, path, query and body, and it is encrypted like a
column because it may hold personal data.
"""

import hashlib
import json
import re
from contextvars import ContextVar
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, Any

from fastapi import Depends, Request, Response
from fastapi.responses import JSONResponse
from pydantic import TypeAdapter
from sqlalchemy import func, text
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.auth import Actor
from chassis.errors import Conflict, FieldError, Invalid, PreconditionMissing, Stale
from chassis.settings import context, driver
from chassis.tables import idempotency_record

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
# Headers that belong to the answer and not to its way here.
_KEPT_HEADERS = ("etag", "location")
# The ground of a request may be read by the same statement; its own values come first.
_LOCK_AND_FIND = """
SELECT pg_try_advisory_xact_lock(hashtextextended({0}::text || '|' || {1}::text, 0)) AS locked,
  kept.fingerprint AS kept_fingerprint, kept.status AS kept_status, kept.answer AS kept_answer{2}
FROM (SELECT) AS once LEFT JOIN idempotency_record AS kept ON scope = {0} AND key = {1}{3}"""
_KEEP = """
INSERT INTO idempotency_record (scope, key, fingerprint, status, answer)
VALUES ($1, $2, $3, $4, $5) ON CONFLICT (scope, key) DO NOTHING RETURNING true"""
# The row lock on the sequence also orders concurrent writers of one entity.
_EVENT = """
WITH counted AS (INSERT INTO outbox_sequence AS known (entity, last) VALUES ($1, 1)
  ON CONFLICT (entity) DO UPDATE SET last = known.last + 1 RETURNING last),
told AS (INSERT INTO outbox_event (event_id, type, subject, entity, sequence, envelope)
  SELECT $2, $3, $4, $1, last, $5::text || last || $6::text FROM counted)"""
_EVENT_AND_KEEP = _EVENT + _KEEP.replace("$1, $2, $3, $4, $5", "$7, $8, $9, $10, $11")


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


async def required_key(request: Request) -> str:
    """The key, for routes where it is not optional."""
    header = request.headers.get("idempotency-key")
    if header is None:
        raise PreconditionMissing(header="Idempotency-Key")
    return _parse(header)


RequiredKey = Annotated[str, Depends(required_key)]


async def begin(
    session: AsyncSession, request: Request, actor: Actor | None, *, looks: bool = True
) -> Attempt | None:
    """Lock the key for this transaction; raises Replayed, KeyRunning or KeyReused.

    Without `looks` that is left to `ground_row`, which must come before all else.
    """
    header = request.headers.get("idempotency-key")
    if request.method != "POST" or header is None:
        return None
    scope = str(actor.id) if actor else "anyone"
    attempt = Attempt(scope, _parse(header), await _fingerprint(request), Captured())
    session.info["attempt"] = attempt
    if looks:
        await ground_row(session)
    _answer.set(attempt.captured)
    session.info["event"] = None
    return attempt


async def ground_row(session: AsyncSession, ground: str = "", *values: Any) -> Any:
    """The row a request rests on, by the statement that locks its key; None when there is none."""
    attempt: Attempt | None = session.info.pop("attempt", None)
    database = await driver(session)
    if attempt is None:
        return await database.fetchrow(ground, *values)
    statement = _with_ground(_LOCK_AND_FIND, ground, len(values))
    found = await database.fetchrow(statement, *values, attempt.scope, attempt.key)
    if not found["locked"]:
        raise KeyRunning
    if found["kept_fingerprint"] is not None:
        if found["kept_fingerprint"] != attempt.fingerprint:
            raise KeyReused
        answer = context(session).vault.decrypt(found["kept_answer"])
        raise Replayed(found["kept_status"], answer)
    return found if ground and found["grounded"] else None


@lru_cache
def _with_ground(look: str, ground: str, values: int) -> str:
    places = f"${values + 1}", f"${values + 2}"
    if not ground:
        return look.format(*places, "", "")
    joined = f" LEFT JOIN LATERAL (SELECT true AS grounded, one.* FROM ({ground}) one) two ON true"  # noqa: S608 - constants
    return look.format(*places, ", two.*", joined)


async def keep(session: AsyncSession, attempt: Attempt) -> None:
    """Write the answer beside the effect; an answer that is no 2xx is not kept."""
    if "attempt" in session.info:
        await ground_row(session)
    response = attempt.captured.response
    _answer.set(None)
    event = session.info.pop("event")
    if response is None or not 200 <= response.status_code < 300:  # noqa: PLR2004 - 2xx
        await write_event(session, event)
        return
    headers = {name: response.headers[name] for name in _KEPT_HEADERS if name in response.headers}
    answer = json.dumps({"headers": headers, "body": bytes(response.body).decode()})
    kept = await (await driver(session)).fetchval(
        _KEEP if event is None else _EVENT_AND_KEEP,
        *(event or ()),
        attempt.scope,
        attempt.key,
        attempt.fingerprint,
        response.status_code,
        context(session).vault.encrypt(answer),
    )
    if not kept:
        # Whoever had the lock committed between our look and our lock; nothing of ours stays.
        raise KeyRunning


async def write_event(session: AsyncSession, event: tuple[Any, ...] | None) -> None:
    """Entity, id, type, subject and the text before and after the sequence, as one row.

    The last event of a keyed request waits for the answer, and is written by the same statement.
    """
    if "event" in session.info:
        event, session.info["event"] = session.info["event"], event
    if event is not None:
        await (await driver(session)).execute(f"{_EVENT} SELECT", *event)


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
    if request.headers.get("content-type", "").startswith(_FORMS):
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
        return json.dumps(json.loads(body), sort_keys=True).encode()
    except (ValueError, RecursionError):
        return body


_ANYTHING: TypeAdapter[Any] = TypeAdapter(Any)
# For the gateway alone, which ends its copies by event; it takes the word out of the answer.
SHARED_SECONDS = 300


class NotModified(Exception):
    """Not a failure: what the client holds is still current."""

    def __init__(self, headers: dict[str, str]) -> None:
        self.headers = headers


async def required_match(request: Request) -> str:
    match = request.headers.get("if-match")
    if match is None:
        raise PreconditionMissing(header="If-Match")
    return match


async def optional_match(request: Request) -> str | None:
    return request.headers.get("if-match")


RequiredMatch = Annotated[str, Depends(required_match)]
OptionalMatch = Annotated[str | None, Depends(optional_match)]
MATCHES = {required_match, optional_match}


def ensure_match(match: str | None, version: int | str) -> None:
    """Raise Stale when If-Match was sent and none of its tags is the present version."""
    if match is None or match.strip() == "*":
        return
    if f'"{version}"' not in {part.strip() for part in match.split(",")}:
        raise Stale(current=f'"{version}"')


def set_tag(response: Response, version: int | str) -> None:
    response.headers["ETag"] = f'"{version}"'


def digest_of(answer: Any) -> str:
    """An entity tag for an answer that has no version of its own."""
    return hashlib.sha256(_ANYTHING.dump_json(answer)).hexdigest()[:32]


def public_read(
    request: Request, response: Response, etag: str, max_age: int, *, shared: bool = False
) -> None:
    """Mark a public answer cacheable; raises NotModified when the client holds this version.

    `shared`: every change of the answer is an event, so the gateway may keep it until then.
    """
    kept = f", s-maxage={SHARED_SECONDS}" if shared else ""
    headers = {
        "ETag": f'"{etag}"',
        "Cache-Control": f"public, max-age={max_age}{kept}",
        "Vary": "Accept-Language",
    }
    held = request.headers.get("if-none-match", "")
    if {part.strip().removeprefix("W/") for part in held.split(",")} & {headers["ETag"], "*"}:
        raise NotModified(headers)
    response.headers.update(headers)
