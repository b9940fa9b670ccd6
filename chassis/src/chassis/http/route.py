"""Routes: one transaction per request, opened on first use and committed before the answer."""

from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from typing import Annotated, Any

import httpx
from fastapi import Depends, Request, Response
from fastapi.routing import APIRoute

from chassis.auth import Actor
from chassis.database.sessions import ReadSession, WriteSession, reading, transaction
from chassis.http import idempotency
from chassis.http.idempotency import Attempt, Replayed
from chassis.process import Process

# What belongs to the repeated POST and not to reading its result again.
_OF_THE_POST = {
    "content-length",
    "content-type",
    "transfer-encoding",
    "idempotency-key",
    "if-match",
}


class RequestTransaction:
    """The session of one request, once something asks for it, and the key it came with."""

    def __init__(self, request: Request, stack: AsyncExitStack) -> None:
        self._request, self._stack = request, stack
        self._process: Process = request.app.state.process
        self._session: WriteSession | None = None
        self._attempt: Attempt | None = None

    async def begin(self, actor: Actor | None, *, content: bytes | None = None) -> WriteSession:
        """The writing session; the first call looks the request's Idempotency-Key up."""
        if self._session is None:
            self._session = await self._stack.enter_async_context(transaction(self._process))
            self._attempt = await idempotency.begin(
                self._session, self._request, actor, content=content
            )
        return self._session

    async def read(self) -> ReadSession:
        return await self._stack.enter_async_context(reading(self._process))

    async def keep(self, response: Response) -> None:
        if self._session is not None and self._attempt is not None:
            await self._session.flush()
            await idempotency.keep(self._session, self._attempt, response)


class TransactionRoute(APIRoute):
    """Every route of a service: `APIRouter(route_class=TransactionRoute)`.

    The transaction commits when the answer is rendered and before its first byte leaves, so a
    client never reads 201 for a commit that then fails. An exception rolls it back; a refusal
    that is returned as a response (`problems.refusal`) commits and leaves its trace.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def handle_in_transaction(request: Request) -> Response:
            try:
                async with AsyncExitStack() as stack:
                    opened = RequestTransaction(request, stack)
                    request.state.transaction = opened
                    response = await handle(request)
                    await opened.keep(response)
            except Replayed as replay:
                response = await _replay(request, replay)
            return response

        return handle_in_transaction


class StagedRoute(TransactionRoute):
    """A route whose slow work (a store, a provider, a password hash) is done outside a transaction.

    It records its intent in a `transaction()` of its own, does the work, and then asks `Outcome`
    for the session that records the result; that one commits with the answer as elsewhere.
    """


async def _outcome(request: Request) -> RequestTransaction:
    opened: RequestTransaction = request.state.transaction
    return opened


Outcome = Annotated[RequestTransaction, Depends(_outcome)]


async def _replay(request: Request, replay: Replayed) -> Response:
    """The kept answer; staff read its representation again, as far as they may see it now."""
    replayed = {"Idempotency-Replayed": "true"}
    if replay.body is not None:
        return Response(
            replay.body,
            status_code=replay.status,
            media_type="application/json",
            headers=replay.headers | replayed,
        )
    headers = [(k, v) for k, v in request.headers.items() if k not in _OF_THE_POST]
    transport = httpx.ASGITransport(request.app)
    async with httpx.AsyncClient(transport=transport, base_url=str(request.base_url)) as client:
        answer = await client.get(replay.headers["content-location"], headers=headers)
    status = replay.status if answer.is_success else answer.status_code
    kept = {k: v for k, v in answer.headers.items() if k not in {"content-length", "x-request-id"}}
    location = {k: v for k, v in replay.headers.items() if k != "etag"}
    return Response(answer.content, status_code=status, headers=kept | location | replayed)
