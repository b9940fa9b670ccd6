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

KEEP_ALIVE_SECONDS = 75
# Beyond this the parser stops; up to it the application answers 431.
_PARSER_BYTES = 4 * MAX_HEADER_BYTES


class _Unreadable(Exception):
    """Stops the parser, which answers 400 and closes."""


class EdgeProtocol(HttpToolsProtocol):
    """Refuses targets that are not a path, and headers without end."""

    is_heading = False
    heading_bytes = 0

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.heading_bytes = 0
        self.is_heading = True

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
        super().on_headers_complete()

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
