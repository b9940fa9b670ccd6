"""uvicorn as a service runs it: a socket may be handed down, and stopping drops no request."""

import asyncio
import socket

import uvicorn
from starlette.types import ASGIApp

from chassis.settings import ServiceSettings

GRACE_SECONDS = 20


class Server(uvicorn.Server):
    """Drains kept connections before it closes what is left (decision 0024)."""

    def __init__(self, config: uvicorn.Config, drain_seconds: float) -> None:
        super().__init__(config)
        self.drain_seconds = drain_seconds

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        await drain_connections(self, self.drain_seconds, handed_down=bool(sockets))
        await super().shutdown(sockets)


def serve(app: ASGIApp, settings: ServiceSettings) -> None:
    """Answer requests until SIGTERM or SIGINT."""
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        loop="uvloop",
        http="httptools",
        access_log=False,
        log_level="warning",
        proxy_headers=True,
        forwarded_allow_ips="*",
        server_header=False,
        timeout_graceful_shutdown=GRACE_SECONDS,
        timeout_keep_alive=75,
    )
    Server(config, settings.drain_seconds).run(listening_sockets(config, settings.listen_fd))


def listening_sockets(
    config: uvicorn.Config, handed_down: int | None
) -> list[socket.socket] | None:
    """The socket handed down and one of the process's own; None: uvicorn opens its own."""
    if handed_down is None:
        return None
    return [socket.socket(fileno=handed_down), config.bind_socket()]


async def drain_connections(server: uvicorn.Server, seconds: float, *, handed_down: bool) -> None:
    """Answer with `Connection: close` for up to `seconds`, until no connection is left.

    A client that is just sending on a connection that is being closed cannot know whether its
    request was received; one that is told to close opens another.
    """
    if handed_down:  # another process listens to the same socket already
        for listener in server.servers:
            listener.close()
    state = server.server_state
    state.default_headers = [*state.default_headers, (b"connection", b"close")]
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    while state.connections and loop.time() < end:  # noqa: ASYNC110 - uvicorn has no event for it
        await asyncio.sleep(0.05)
