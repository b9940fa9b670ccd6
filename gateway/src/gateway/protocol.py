"""One connection of a client: uvicorn's protocol, with patience that ends.

What two readers could take differently ends the connection. So does a client that sends its headers
in drops, one that does not read what it asked for, and one that goes on sending a body after it was
told that nobody wants it. Public reads that are kept are answered here at once.
"""

import asyncio
import json
from collections.abc import Iterable
from typing import cast

import httptools
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from chassis.errors import ServiceError
from chassis.problems import MEDIA_TYPE, document
from gateway.errors import BadRequest, Overloaded, RequestLate
from gateway.limits.clients import UNKNOWN
from gateway.main import Edge
from gateway.proxy.hygiene import MAX_HEADER_BYTES
from gateway.shortcut import kept_answer

# Beyond this the parser stops; up to it the application answers 431.
_PARSER_BYTES = 4 * MAX_HEADER_BYTES
_MOST_PIPELINED = 100
_VERSIONS = frozenset({"1.0", "1.1"})
# So long, and so much, is still taken from a client that was refused: it may only read the answer
# once it has sent, and a connection closed with unread bytes loses what was written last.
LEAVING_SECONDS = 2.0
_LEAVING_BYTES = 64 * 1024 * 1024
# Within this time a client reads most of what lies ready for it (half a mebibyte at 4 KiB/s).
STALL_SECONDS = 150.0


class _Unreadable(Exception):
    """Stops the parser, which answers 400 and closes."""


class _Trailers(list[tuple[bytes, bytes]]):
    """Drops what follows a chunked body: after the checks nothing becomes a header any more."""

    def append(self, _: tuple[bytes, bytes], /) -> None:
        return


class _Door:
    """What an answer closes that comes before the request's body: it closes slowly."""

    def __init__(self, protocol: "EdgeProtocol") -> None:
        self._protocol = protocol

    def write(self, content: bytes) -> None:
        self._protocol.transport.write(content)

    def is_closing(self) -> bool:
        return self._protocol.transport.is_closing()

    def close(self) -> None:
        self._protocol.leave()


class EdgeProtocol(HttpToolsProtocol):
    """`patience` runs while a request's headers, or a body that nobody reads, are incomplete.

    `unparsed` is what is still to come of a body behind an upgrade, in bytes.
    """

    edge: Edge
    is_heading = False
    is_whole = True
    is_answered = False
    is_leaving = False
    heading_bytes = 0
    left_bytes = 0
    unparsed = 0
    resting_since = 0.0
    patience: asyncio.TimerHandle | None = None
    stall: asyncio.TimerHandle | None = None

    # a connection

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.edge = cast("Edge", self.config.app)
        self._wait()
        if self.edge.connections.admit(self._address(), self):
            return
        if len(self.connections) > 2 * self.edge.settings.connection_limit:
            self.transport.abort()  # too many to be told why
        else:
            self._refuse(Overloaded(retry_after=5))

    def connection_lost(self, exc: Exception | None) -> None:
        self.edge.connections.leave(self._address(), self)
        self._wait_no_longer()
        self._unset_keepalive_if_required()
        if self.stall is not None:
            self.stall.cancel()
        super().connection_lost(exc)

    @property
    def is_idle(self) -> bool:
        return not self.is_heading and not self._is_busy()

    def end(self) -> None:
        self.transport.abort()

    def _address(self) -> str:
        return self.client[0] if self.client else UNKNOWN

    def _is_busy(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    # what comes in

    def data_received(self, data: bytes) -> None:
        """As uvicorn does it, less what would cost every request: a line in the log, a timer."""
        if self.is_leaving:
            self._swallow(len(data))
            return
        left = data
        try:
            while left and not self.is_leaving:
                left = self._take(left)
        except httptools.HttpParserError:
            self.send_400_response("")
        if self.is_leaving:
            return
        if self.is_heading:
            self._count_heading(len(data))
        elif not self.is_whole:
            self.cycle.transport = _Door(self)  # type: ignore[assignment]  # all that it calls

    def _take(self, data: bytes) -> bytes:
        """Read on; what is left when an upgrade stopped the parser.

        Nobody is upgraded, so the request is one as any other (RFC 9110, 7.8). Its body, which the
        parser takes for another protocol, is read here: else it would be read as a request.
        """
        if self.unparsed:
            body = data[: self.unparsed]
            self.unparsed -= len(body)
            self.on_body(body)
            if not self.unparsed:
                self.on_message_complete()
            return data[len(body) :]
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as stop:
            return data[stop.args[0] :]
        return b""

    def _body_after_upgrade(self) -> int:
        """Bytes; what has no length is not read here."""
        told = dict(self.headers)
        if b"transfer-encoding" in told:
            raise _Unreadable
        return int(told.get(b"content-length", b"0"))

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.heading_bytes = 0
        self.is_heading = True
        self.is_answered = False

    def on_headers_complete(self) -> None:
        self.is_heading = self.is_whole = False
        if self.patience is not None:
            self._wait_no_longer()
        # A proxy's request (`GET http://…`) names a host that two readers might take differently.
        if not self.url.startswith(b"/") or b"#" in self.url:
            raise _Unreadable
        version = self.parser.get_http_version()
        if version not in _VERSIONS or len(self.pipeline) >= _MOST_PIPELINED:
            raise _Unreadable
        if self.parser.should_upgrade():
            self.unparsed = self._body_after_upgrade()
        can_be_kept = version == "1.1" and self.parser.get_method() == b"GET"
        answer = self._kept_answer() if can_be_kept else None
        if answer is None:
            super().on_headers_complete()
            self.headers = _Trailers()
            return
        self.is_answered = True
        self.transport.write(answer)
        self.server_state.total_requests += 1
        self._rest()

    def on_body(self, body: bytes) -> None:
        if not self.is_answered:
            super().on_body(body)

    def on_message_complete(self) -> None:
        if self.unparsed:
            return  # for the parser alone
        self.is_whole = True
        if self.patience is not None:
            self._wait_no_longer()
        if not self.is_answered:
            super().on_message_complete()

    def _kept_answer(self) -> bytes | None:
        """An answer may only overtake the application where nothing is under way before it."""
        gateway = self.edge.gateway
        if gateway is None or gateway.health.stopping:
            return None  # when it stops the long way closes the connection after its answer
        busy = self.cycle is not None and not self.cycle.response_complete
        if busy or self.pipeline or self.flow.write_paused:
            return None
        peer = self.client[0] if self.client else None
        return kept_answer(gateway, self.url, self.headers, peer, self.server_state.default_headers)

    def _count_heading(self, size: int) -> None:
        self.heading_bytes += size
        if self.heading_bytes > _PARSER_BYTES:
            self.send_400_response("")
        else:
            self._wait()

    # what goes out

    def on_response_complete(self) -> None:
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.pipeline:
            cycle, app = self.pipeline.pop()
            self._start_asgi_task(cycle, app)
        else:
            self._rest()
        if not self.is_whole and not self.is_leaving:
            self._wait()  # the rest of a short body, before the next request

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - uvicorn gives its own text
        if not self._is_busy():
            self._refuse(BadRequest())
        elif not self.cycle.more_body:
            # Sound requests came before: they are answered, and nothing after them is.
            self.cycle.keep_alive = False
            self.cycle.transport = _Door(self)  # type: ignore[assignment]  # all that it calls
            self.is_leaving = True
        elif self.cycle.response_started or self.pipeline:
            self.transport.abort()
        else:
            self._refuse(BadRequest())

    def _refuse(self, error: ServiceError) -> None:
        content = document(error, language="zh", instance="")
        body = json.dumps(content, ensure_ascii=False).encode()
        told: Iterable[tuple[str, str]] = {
            "content-type": MEDIA_TYPE,
            "content-language": "zh-CN",
            "content-length": str(len(body)),
            **{name.lower(): value for name, value in error.headers().items()},
            "connection": "close",
        }.items()
        head = "".join(f"{name}: {value}\r\n" for name, value in told) + "\r\n"
        self.transport.write(STATUS_LINE[error.status] + head.encode() + body)
        if self._is_busy():
            self.cycle.disconnected = True  # the application has nobody left to answer
            self.cycle.message_event.set()
        self.leave()

    def pause_writing(self) -> None:
        super().pause_writing()
        self.stall = self.loop.call_later(STALL_SECONDS, self.transport.abort)

    def resume_writing(self) -> None:
        super().resume_writing()
        # One that is closing does so when everything is read; who reads nothing is not waited for.
        if self.stall is not None and not self.transport.is_closing():
            self.stall.cancel()
            self.stall = None

    # patience

    def _rest(self) -> None:
        """One timer for many requests: when it is over it looks how long the rest has lasted."""
        self.resting_since = self.loop.time()
        if self.timeout_keep_alive_task is None:
            self._rest_for(self.timeout_keep_alive)

    def _rest_for(self, seconds: float) -> None:
        self.timeout_keep_alive_task = self.loop.call_later(
            seconds, self.timeout_keep_alive_handler
        )

    def timeout_keep_alive_handler(self) -> None:
        self.timeout_keep_alive_task = None
        left = self.resting_since + self.timeout_keep_alive - self.loop.time()
        if self.transport.is_closing() or self._is_busy():
            return
        if left > 0:
            self._rest_for(left)
        elif self.transport.get_write_buffer_size():
            self.transport.abort()  # closing would wait for whoever reads nothing
        else:
            self.transport.close()

    def leave(self) -> None:
        """Close, but leave the client time to read what it was told."""
        self.is_leaving = True
        self._wait_no_longer()
        if self.transport.is_closing():
            return
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self.patience = self.loop.call_later(LEAVING_SECONDS, self.transport.abort)

    def _swallow(self, size: int) -> None:
        self.left_bytes += size
        if self.left_bytes > _LEAVING_BYTES:
            self.flow.pause_reading()

    def _wait(self) -> None:
        if self.patience is None:
            seconds = self.edge.settings.head_seconds
            self.patience = self.loop.call_later(seconds, self._is_late)

    def _wait_no_longer(self) -> None:
        if self.patience is not None:
            self.patience.cancel()
            self.patience = None

    def _is_late(self) -> None:
        self.patience = None
        if self._is_busy():
            self._wait()  # an earlier request is being answered; its deadline holds
        elif self.is_heading and not self.transport.is_closing():
            self._refuse(RequestLate())
        else:
            self.transport.abort()
