"""One kept connection to a service: HTTP/1.1 over asyncio's protocol and httptools.

A general client library costs twenty times as much per request (docs/decisions/0016). What this one
leaves out the gateway does not need: redirects, cookies, decompression, proxies.
"""

import asyncio
from collections import deque

import httptools

from gateway.call import Headers

# Up to here an answer is waited for as a whole, so that most cost one wake-up; beyond, it streams.
WHOLE_BYTES = 64 * 1024
PAUSE_BYTES = 256 * 1024
MAX_HEADER_BYTES = 64 * 1024
_BODILESS = frozenset({204, 304})


class NeverSent(Exception):
    """The service cannot have seen the request: no connection came about."""


class Broken(Exception):
    """The connection ended before the answer did; `untouched`: before a byte of it had come."""

    def __init__(self, reason: str, *, untouched: bool = False) -> None:
        super().__init__(reason)
        self.untouched = untouched


class NotHttp(Broken):
    """What came is no HTTP."""


class Connection(asyncio.Protocol):
    """Carries one request at a time; `reusable` tells whether another may follow."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.transport: asyncio.Transport | None = None
        self.idle_since = 0.0
        self.closed = False
        self.status = 0
        self.headers: Headers = []
        self.headed = self.complete = self.keeps = False
        self._heard: Headers = []
        self._chunks: deque[bytes] = deque()
        self._held = 0
        self._heading = 0
        self._whole = True
        self._head_only = False
        self._sending = self._paused_reading = False
        self._error: Broken | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._writable: asyncio.Future[None] | None = None
        self._parser = httptools.HttpResponseParser(self)

    # asyncio

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]  # a stream transport

    def data_received(self, data: bytes) -> None:
        if self.complete or not self._sending:
            self._fail(NotHttp("bytes that belong to no answer"))
            return
        if not self.headed:
            self._heading += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            if not self.complete:
                self._fail(NotHttp(str(error)))
            self.keeps = False
            return
        if not self.headed and self._heading > MAX_HEADER_BYTES:
            self._fail(NotHttp("headers without end"))

    def eof_received(self) -> bool:
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self.closed = True
        if self._sending and not self.complete:
            self._end_by_closing()
        self._fail(Broken(str(exc or "closed"), untouched=self._heading == 0))
        self._resume()

    def pause_writing(self) -> None:
        self._writable = self.loop.create_future()

    def resume_writing(self) -> None:
        self._resume()

    # httptools

    def on_header(self, name: bytes, value: bytes) -> None:
        self._heard.append((name, value))

    def on_headers_complete(self) -> None:
        if self.complete:
            self.keeps = False  # a second answer, for which nobody asked
            return
        self.status = self._parser.get_status_code()
        if self.status < 200:  # noqa: PLR2004 - an interim answer; the real one follows
            return
        self.headed = True
        # What still comes are trailers, which are no headers.
        self.headers, self._heard = self._heard, []
        self.keeps = self._parser.should_keep_alive()
        self._whole = self._is_small()
        if self._head_only or self.status in _BODILESS:
            self._finish()
        elif not self._whole:
            self._wake()
        if self._writable is not None:
            self._resume()  # whoever still sends the body learns that the answer is there

    def on_body(self, body: bytes) -> None:
        if self.complete:
            return
        self._chunks.append(body)
        self._held += len(body)
        if self._held > PAUSE_BYTES and not self._paused_reading and self.transport is not None:
            self._paused_reading = True
            self.transport.pause_reading()
        if not self._whole:
            self._wake()

    def on_message_complete(self) -> None:
        if self.status < 200:  # noqa: PLR2004 - interim
            self._heard = []
        elif not self.complete:
            self._finish()

    # what the pool and the proxy ask for

    @property
    def reusable(self) -> bool:
        done = self.complete and self.keeps and not self.closed
        return done and not self._chunks and self._writable is None

    def begin(self, head: bytes, body: bytes, *, head_only: bool) -> None:
        """Send a request's head and what is known of its body; `head_only`: the answer has none."""
        self._parser = httptools.HttpResponseParser(self)
        self.status, self._heard = 0, []
        self.headed = self.complete = self.keeps = False
        self._heading, self._whole, self._head_only = 0, True, head_only
        self._sending = True
        self._error = None
        if self.closed or self.transport is None:
            raise Broken("closed while it was idle", untouched=True)
        self.transport.write(head + body if body else head)

    async def send(self, chunk: bytes) -> None:
        """More of the body; waits while the service reads too slowly."""
        if self.closed or self.transport is None:
            raise self._error or Broken("closed", untouched=self._heading == 0)
        self.transport.write(chunk)
        if self._writable is not None:
            await self._writable

    async def head(self) -> None:
        """Wait for status and headers, of a small answer for all of it."""
        while not (self.complete or (self.headed and not self._whole)):
            await self._wait()

    async def chunk(self) -> bytes:
        """What has come of the body, empty at its end."""
        while not self._chunks:
            if self.complete:
                return b""
            await self._wait()
        found = self._chunks.popleft() if len(self._chunks) == 1 else b"".join(self._chunks)
        self._chunks.clear()
        self._held = 0
        if self._paused_reading and self.transport is not None:
            self._paused_reading = False
            self.transport.resume_reading()
        return found

    @property
    def at_end(self) -> bool:
        return self.complete and not self._chunks

    def close(self) -> None:
        self.closed = True
        if self.transport is not None:
            self.transport.abort()

    # within

    async def _wait(self) -> None:
        if self._error is not None:
            raise self._error
        if self.closed:
            raise Broken("closed", untouched=self._heading == 0)
        self._waiter = self.loop.create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _is_small(self) -> bool:
        for name, value in self.headers:
            if name.lower() == b"content-length":
                return value.isdigit() and int(value) <= WHOLE_BYTES
        return False

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _finish(self) -> None:
        self.complete = True
        self._wake()

    def _fail(self, error: Broken) -> None:
        if self._error is None and not self.complete:
            self._error = error
        self.keeps = False
        if isinstance(error, NotHttp):
            self.close()
        if self._waiter is not None and not self._waiter.done():
            if self.complete:
                self._waiter.set_result(None)
            else:
                self._waiter.set_exception(self._error or error)

    def _end_by_closing(self) -> None:
        """An answer without a length ends with its connection (RFC 9112, 6.3)."""
        framed = any(
            name.lower() in {b"content-length", b"transfer-encoding"} for name, _ in self.headers
        )
        if self.headed and not framed:
            self.complete, self.keeps = True, False

    def _resume(self) -> None:
        waiting, self._writable = self._writable, None
        if waiting is not None and not waiting.done():
            waiting.set_result(None)
