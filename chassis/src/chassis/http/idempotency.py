"""`Idempotency-Key`: a request that is repeated happens once, and is answered the same way again.

One protocol: look the key up and lock it, run the request, keep the answer in the transaction of
its effect. The record is found by client and key; its fingerprint covers method, path, query and
body; the kept answer is encrypted like a column, because it may hold personal data.
"""

import hashlib
import json
import re
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request, Response
from pydantic_core import from_json, to_json
from sqlalchemy import insert, text

from chassis.auth import Actor
from chassis.database.sessions import WriteSession, process_of
from chassis.database.tables import idempotency_record
from chassis.errors import Conflict, FieldError, Invalid, PreconditionMissing

_SORTED = json.JSONEncoder(sort_keys=True)
_KEY = re.compile(r'^(?:"([\x20-\x21\x23-\x7e]{1,200})"|([\x21\x23-\x7e]{1,200}))$')
_FORMS = ("multipart/", "application/x-www-form-urlencoded")
# Headers that belong to the answer and not to its way here.
_KEPT_HEADERS = ("etag", "location", "content-location")
_LOOK_UP = text("""
SELECT pg_try_advisory_xact_lock(hashtextextended(:scope || '|' || :key, 0)) AS locked,
  record.fingerprint, record.status, record.answer
FROM (SELECT) AS request LEFT JOIN idempotency_record AS record ON scope = :scope AND key = :key""")


class KeyReused(Invalid):
    slug = "idempotency-key-reused"
    zh = "这个 Idempotency-Key 已用于另一个请求。请换一个新的键。"
    en = "This Idempotency-Key was used for a different request. Use a new key."


class KeyRunning(Conflict):
    slug = "idempotency-key-running"
    zh = "同一 Idempotency-Key 的请求正在处理。请稍后用同一键重试。"
    en = "A request with this Idempotency-Key is still running. Repeat it shortly."


class Replayed(Exception):
    """Not a failure: the kept answer of an earlier request with the same key.

    `body` is None where the answer must be read again at the header `content-location`.
    """

    def __init__(self, status: int, headers: dict[str, str], body: str | None) -> None:
        self.status, self.headers, self.body = status, headers, body


@dataclass(frozen=True)
class Attempt:
    """One try of a keyed request, which holds the key's lock until its transaction ends."""

    scope: str
    key: str
    fingerprint: bytes
    by_staff: bool


async def required_key(request: Request) -> str:
    """The key, for routes where it is not optional."""
    header = request.headers.get("idempotency-key")
    if header is None:
        raise PreconditionMissing(header="Idempotency-Key")
    return _parse(header)


RequiredKey = Annotated[str, Depends(required_key)]


async def begin(
    session: WriteSession, request: Request, actor: Actor | None, *, content: bytes | None = None
) -> Attempt | None:
    """Look the request's key up and lock it; None where the request has no key.

    `content` stands for a body that has been read as a stream. Raises Replayed, KeyRunning or
    KeyReused.
    """
    header = request.headers.get("idempotency-key")
    if request.method != "POST" or header is None:
        return None
    attempt = Attempt(
        scope=str(actor.id) if actor else "anyone",
        key=_parse(header),
        fingerprint=await _fingerprint(request, content),
        by_staff=actor is not None and actor.kind == "staff",
    )
    row = (await session.execute(_LOOK_UP, {"scope": attempt.scope, "key": attempt.key})).one()
    if not row.locked:
        raise KeyRunning
    if row.fingerprint is None:
        return attempt
    if row.fingerprint != attempt.fingerprint:
        raise KeyReused
    answer = json.loads(process_of(session).vault.decrypt(row.answer))
    raise Replayed(row.status, answer["headers"], answer["body"])


async def keep(session: WriteSession, attempt: Attempt, response: Response) -> None:
    """Write the answer beside its effect; an answer that is no 2xx is not kept.

    What staff were shown is not kept where it can be read again: a repeat then shows the present
    state to whoever may still see it.
    """
    if not 200 <= response.status_code < 300:  # noqa: PLR2004 - 2xx
        return
    headers = {name: response.headers[name] for name in _KEPT_HEADERS if name in response.headers}
    read_again = attempt.by_staff and "content-location" in headers
    body = None if read_again else bytes(response.body).decode()
    answer = process_of(session).vault.encrypt(to_json({"headers": headers, "body": body}).decode())
    await session.execute(
        insert(idempotency_record).values(
            scope=attempt.scope,
            key=attempt.key,
            fingerprint=attempt.fingerprint,
            status=response.status_code,
            answer=answer,
        )
    )


def _parse(header: str) -> str:
    match = _KEY.match(header.strip())
    if match is None:
        zh = "Idempotency-Key 须为 1–200 个可见字符"
        en = "Idempotency-Key must be 1–200 visible characters"
        raise Invalid([FieldError("", "idempotency_key", zh, en)])
    return match[1] or match[2]


async def _fingerprint(request: Request, content: bytes | None) -> bytes:
    query = request.scope["query_string"].decode("latin-1")
    digest = hashlib.sha256(f"{request.method} {request.scope['path']}?{query}\n".encode())
    if content is not None:
        digest.update(content)
    elif request.headers.get("content-type", "").startswith(_FORMS):
        # Boundaries differ from try to try, so the parts are hashed and not the raw body.
        for name, value in (await request.form()).multi_items():
            digest.update(f"{name}\n".encode())
            if isinstance(value, str):
                digest.update(value.encode(errors="replace"))
            else:
                digest.update(f"{value.filename}\n".encode(errors="replace"))
                await value.seek(0)
                while chunk := await value.read(256 * 1024):
                    digest.update(chunk)
                await value.seek(0)
    else:
        body = await request.body()
        try:
            # The order of members and the white space of a JSON body do not matter.
            digest.update(_SORTED.encode(from_json(body)).encode())
        except (ValueError, RecursionError):
            digest.update(body)
    return digest.digest()
