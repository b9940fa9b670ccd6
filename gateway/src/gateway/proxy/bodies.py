"""Request bodies: small ones are read whole, large ones stream, none grows past its limit.

Whoever sends in drops is cut off: a body that streams holds a place at its service meanwhile.
"""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from chassis.errors import TooLarge
from gateway.call import SMALL_BODY_BYTES, Call, ClientGone
from gateway.errors import RequestLate

# So long a sender may pause, and so much it must bring on average after that.
PAUSE_SECONDS = 10.0
LEAST_BYTES_PER_SECOND = 4096


@dataclass(slots=True)
class Body:
    """`announced` is its length in bytes, None where it comes in chunks without one."""

    call: Call
    limit: int
    seconds: float
    announced: int | None
    read: int = 0
    began: float = field(default_factory=lambda: asyncio.get_running_loop().time())

    async def chunks(self) -> AsyncIterator[bytes]:
        while not self.call.is_read:
            chunk = await self._next()
            if chunk:
                yield chunk

    async def whole(self) -> bytes:
        """Read before the service is bothered, so that a slow client does not hold a place."""
        return b"".join([chunk async for chunk in self.chunks()])

    async def _next(self) -> bytes:
        patience = min(self.seconds, PAUSE_SECONDS + self.read / LEAST_BYTES_PER_SECOND)
        try:
            async with asyncio.timeout_at(self.began + patience):
                message = await self.call.receive()
        except TimeoutError:
            raise RequestLate from None
        if message["type"] == "http.disconnect":
            raise ClientGone
        chunk: bytes = message.get("body", b"")
        self.read += len(chunk)
        if self.read > self.limit:
            raise TooLarge(limit=self.limit)
        self.call.is_read = not message.get("more_body", False)
        return chunk


def body_of(call: Call, limit: int, seconds: float) -> Body | None:
    """None when the request has no body; raises TooLarge when it announces too much.

    `seconds` is the longest wait for all of it.
    """
    length = call.headers.get(b"content-length")
    announced = None if length is None else int(length)
    if announced is not None and announced > limit:
        raise TooLarge(limit=limit)
    if not announced and b"transfer-encoding" not in call.headers:
        call.is_read = True
        return None
    return Body(call, limit, seconds, announced)


def framing_of(body: Body | bytes | None) -> bytes:
    """The header that tells the service where the body ends: what is sent, not what was said."""
    if body is None:
        return b""
    length = len(body) if isinstance(body, bytes) else body.announced
    if length is None:
        return b"Transfer-Encoding: chunked\r\n"
    return b"Content-Length: %d\r\n" % length


def is_small(call: Call) -> bool:
    length = call.headers.get(b"content-length")
    return length is not None and int(length) <= SMALL_BODY_BYTES
