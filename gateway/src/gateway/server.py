"""uvicorn with the edge's manners: problems for unreadable requests, streams told of the end."""

import json
import socket

from starlette.types import ASGIApp
from uvicorn import Config, Server
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from chassis.problems import MEDIA_TYPE, document
from gateway.errors import BadRequest
from gateway.main import Edge
from gateway.proxy.hygiene import MAX_HEADER_BYTES
from gateway.settings import GatewaySettings
from gateway.shortcut import kept_answer

KEEP_ALIVE_SECONDS = 75
# Beyond this the parser stops; up to it the application answers 431.
_PARSER_BYTES = 4 * MAX_HEADER_BYTES


class _Unreadable(Exception):
    """Stops the parser, which answers 400 and closes."""


class EdgeProtocol(HttpToolsProtocol):
    """Refuses targets that are not a path, and headers without end; gives kept answers at once."""

    is_heading = False
    heading_bytes = 0
    is_answered = False

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.heading_bytes = 0
        self.is_heading = True
        self.is_answered = False

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.is_heading and self.parser is not None:
            self.heading_bytes += len(data)
            if self.heading_bytes > _PARSER_BYTES and not self.transport.is_closing():
                self.send_400_response("")

    def on_headers_complete(self) -> None:
        self.is_heading = False
        # A proxy's request (`GET http://…`) names a host that two readers might take differently.
        if not self.url.startswith(b"/"):
            raise _Unreadable
        answer = self._kept_answer() if self.parser.get_method() == b"GET" else None
        if answer is None:
            super().on_headers_complete()
            return
        self.is_answered = True
        self.transport.write(answer)
        self.server_state.total_requests += 1
        self._unset_keepalive_if_required()
        self.timeout_keep_alive_task = self.loop.call_later(
            self.timeout_keep_alive, self.timeout_keep_alive_handler
        )

    def on_body(self, body: bytes) -> None:
        if not self.is_answered:
            super().on_body(body)

    def on_message_complete(self) -> None:
        if not self.is_answered:
            super().on_message_complete()

    def _kept_answer(self) -> bytes | None:
        """An answer may only overtake the application where nothing is under way before it."""
        edge = self.config.app
        busy = (self.cycle is not None and not self.cycle.response_complete) or self.pipeline
        if busy or self.flow.write_paused or not isinstance(edge, Edge) or edge.gateway is None:
            return None
        if self.parser.get_http_version() != "1.1":
            return None
        peer = self.client[0] if self.client else None
        own = self.server_state.default_headers
        return kept_answer(edge.gateway, self.url, self.headers, peer, own)

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - uvicorn gives its own text
        content = document(BadRequest(), language="zh", instance="")
        body = json.dumps(content, ensure_ascii=False).encode()
        head = (
            f"content-type: {MEDIA_TYPE}\r\ncontent-language: zh-CN\r\n"
            f"content-length: {len(body)}\r\nconnection: close\r\n\r\n"
        )
        self.transport.write(STATUS_LINE[400] + head.encode() + body)
        self.transport.close()


class EdgeServer(Server):
    """Tells the application that it stops before it waits for what is under way."""

    def __init__(self, config: Config, edge: Edge) -> None:
        super().__init__(config)
        self._edge = edge

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._edge.stop()
        await super().shutdown(sockets)


def server_of(settings: GatewaySettings, edge: Edge) -> EdgeServer:
    app: ASGIApp = edge
    config = Config(
        app,
        host=settings.host,
        port=settings.port,
        loop="uvloop",
        http=EdgeProtocol,
        ws="none",
        lifespan="on",
        access_log=False,
        log_level="warning",
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=settings.grace_seconds,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        backlog=2048,
    )
    return EdgeServer(config, edge)
