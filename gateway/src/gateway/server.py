"""uvicorn as the edge runs it; streams are told of the end."""

import socket

from starlette.types import ASGIApp
from uvicorn import Config, Server

from chassis.worker import let_go
from gateway.main import Edge
from gateway.protocol import EdgeProtocol
from gateway.settings import GatewaySettings

KEEP_ALIVE_SECONDS = 75
# A client that vanished without a word (a cut cable) is given up after so long without a sign.
VANISHED_MILLISECONDS = 60_000


class EdgeServer(Server):
    """Tells the application that it stops before it waits for what is under way."""

    def __init__(self, config: Config, edge: Edge) -> None:
        super().__init__(config)
        self._edge = edge

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if hasattr(socket, "TCP_USER_TIMEOUT"):  # Linux; connections inherit it
            for one in (listening for server in self.servers for listening in server.sockets):
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, VANISHED_MILLISECONDS)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._edge.stop()
        await let_go(self, self._edge.settings.drain_seconds, handed_down=bool(sockets))
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
        # Its warnings are about clients, who could fill the log with them.
        log_level="error",
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=settings.grace_seconds,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        backlog=2048,
    )
    return EdgeServer(config, edge)
