"""Request bodies: small ones are read whole, large ones stream, none grows past its limit.

A sender that dawdles is cut off, for a body that streams holds a place at its service meanwhile.
"""

import asyncio
from collections.abc import AsyncIterator

from starlette.types import Receive

from chassis.errors import ServiceError, TooLarge
from gateway.context import SMALL_BODY_BYTES, ClientGone, RequestContext
from gateway.errors import Ambiguous, RequestTimeout

# How long a sender may pause, and how much it must bring on average after that.
PAUSE_SECONDS = 10.0
LEAST_BYTES_PER_SECOND = 4096


class RequestBody:
    """The body of one request; `seconds` is the longest wait for all of it.

    `failure` is why it broke off: aiohttp reports an error of its own in its place.
    """

    def __init__(
        self, context: RequestContext, receive: Receive, *, limit: int, seconds: float
    ) -> None:
        self.announced = context.body_bytes
        if self.announced is not None and self.announced > limit:
            raise TooLarge(limit=limit)
        self.failure: ServiceError | ClientGone | None = None
        self._context = context
        self._receive = receive
        self._limit = limit
        self._seconds = seconds

    async def read(self) -> AsyncIterator[bytes]:
        began, read_bytes = asyncio.get_running_loop().time(), 0
        while not self._context.body_read:
            pause = PAUSE_SECONDS + read_bytes / LEAST_BYTES_PER_SECOND
            try:
                async with asyncio.timeout_at(began + min(self._seconds, pause)):
                    message = await self._receive()
            except TimeoutError:
                raise RequestTimeout from None
            if message["type"] == "http.disconnect":
                raise ClientGone
            chunk: bytes = message.get("body", b"")
            read_bytes += len(chunk)
            if read_bytes > self._limit:
                raise TooLarge(limit=self._limit)
            self._context.body_read = not message.get("more_body", False)
            if chunk:
                yield chunk
        if self.announced not in {None, read_bytes}:
            raise Ambiguous  # the service would take the next request for the rest

    async def stream(self) -> AsyncIterator[bytes]:
        """The same, and remember why it broke off."""
        try:
            async for chunk in self.read():
                yield chunk
        except (ServiceError, ClientGone) as error:
            self.failure = error
            raise

    async def whole(self) -> bytes:
        """All of it, before a service is asked: a slow client holds no place there."""
        return b"".join([chunk async for chunk in self.read()])


async def read_body(
    context: RequestContext, receive: Receive, *, limit: int, seconds: float
) -> RequestBody | bytes | None:
    """Nothing, a small body whole, or one that streams."""
    announced = context.body_bytes
    if announced == 0:
        context.body_read = True
        return None
    body = RequestBody(context, receive, limit=limit, seconds=seconds)
    small = announced is not None and announced <= SMALL_BODY_BYTES
    return await body.whole() if small else body
