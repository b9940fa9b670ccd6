"""Request bodies: small ones are read whole, large ones stream, none grows past its limit."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

from chassis.errors import TooLarge
from gateway.call import Call, ClientGone

WHOLE_BYTES = 64 * 1024


@dataclass(slots=True)
class Body:
    """`failure` remembers why reading stopped; the client library would wrap it."""

    call: Call
    limit: int
    read: int = 0
    failure: Exception | None = None

    async def chunks(self) -> AsyncIterator[bytes]:
        while not self.call.is_read:
            chunk = await self._next()
            if chunk:
                yield chunk

    async def whole(self) -> bytes:
        """Read before the service is bothered, so that a slow client does not hold a place."""
        return b"".join([chunk async for chunk in self.chunks()])

    async def _next(self) -> bytes:
        message = await self.call.receive()
        if message["type"] == "http.disconnect":
            self.failure = ClientGone()
            raise self.failure
        chunk: bytes = message.get("body", b"")
        self.read += len(chunk)
        if self.read > self.limit:
            self.failure = TooLarge(limit=self.limit)
            raise self.failure
        self.call.is_read = not message.get("more_body", False)
        return chunk


def body_of(call: Call, limit: int) -> Body | None:
    """None when the request has no body; raises TooLarge when it announces too much."""
    length = call.headers.get(b"content-length")
    if length is not None and int(length) > limit:
        raise TooLarge(limit=limit)
    if length in {None, b"0"} and b"transfer-encoding" not in call.headers:
        call.is_read = True
        return None
    return Body(call, limit)


def is_small(call: Call) -> bool:
    length = call.headers.get(b"content-length")
    return length is not None and int(length) <= WHOLE_BYTES
