"""uvicorn as the edge runs it; streams end before it waits for what is under way."""

import socket
from collections.abc import Callable

from starlette.applications import Starlette
from uvicorn import Config, Server

from chassis.http.server import drain_connections
from gateway.settings import GatewaySettings

KEEP_ALIVE_SECONDS = 75
# A client that vanished without a word (a cut cable) is given up after so long without a sign.
VANISHED_MILLISECONDS = 60_000


class GatewayServer(Server):
    """Tells the application that it stops, and lets kept connections go before it closes them."""

    def __init__(self, config: Config, stop: Callable[[], None], drain_seconds: float) -> None:
        super().__init__(config)
        self._stop = stop
        self._drain_seconds = drain_seconds

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if hasattr(socket, "TCP_USER_TIMEOUT"):  # Linux; connections inherit it
            for listener in (sock for server in self.servers for sock in server.sockets):
                listener.setsockopt(
                    socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, VANISHED_MILLISECONDS
                )

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._stop()
        await drain_connections(self, self._drain_seconds, handed_down=bool(sockets))
        await super().shutdown(sockets)


def server_of(settings: GatewaySettings, app: Starlette) -> GatewayServer:
    config = Config(
        app,
        host=settings.host,
        port=settings.port,
        loop="uvloop",
        http="httptools",
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
    return GatewayServer(config, app.state.gateway.stop, settings.drain_seconds)
