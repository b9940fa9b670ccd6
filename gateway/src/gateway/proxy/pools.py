"""Connections kept open to each address of a service, and which of them a request takes."""

import asyncio
import ssl
from collections import deque
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from gateway.proxy.wire import Connection, NeverSent

CONNECT_SECONDS = 3.0
# Kept connections are closed before the services (75 s) do, so that no request meets a
# connection that is just being closed.
IDLE_SECONDS = 45.0
# How long after its last answer a connection is surely still open.
SURE_SECONDS = 1.0
# An address that refused is passed over for so long while there is another.
SHUN_SECONDS = 1.0


@dataclass
class Pool:
    """One address: `http://host:port` or `https://host:port`."""

    address: str
    idle: deque[Connection] = field(default_factory=deque)
    shunned_until: float = 0.0

    def kept(self, *, surely: bool = False) -> Connection | None:
        """The connection used last: those used least grow old and are closed.

        `surely`: one that cannot be just being closed. A service that stops says so in its
        answers for longer than that (`drain_seconds`) before it closes those that are left.
        """
        now = asyncio.get_running_loop().time()
        while self.idle:
            connection = self.idle.pop()
            if not connection.closed and connection.idle_since > now - IDLE_SECONDS:
                if surely and connection.idle_since < now - SURE_SECONDS:
                    self.idle.append(connection)
                    return None
                return connection
            connection.close()
        return None

    async def connect(self) -> Connection:
        """A new connection; raises NeverSent."""
        parts = urlsplit(self.address)
        secure = parts.scheme == "https"
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                _, connection = await loop.create_connection(
                    Connection,
                    parts.hostname or "",
                    parts.port or (443 if secure else 80),
                    ssl=ssl.create_default_context() if secure else None,
                )
        except (OSError, TimeoutError) as error:
            self.shunned_until = loop.time() + SHUN_SECONDS
            raise NeverSent(f"{type(error).__name__}") from error
        return connection

    def give_back(self, connection: Connection) -> None:
        if connection.reusable:
            connection.idle_since = asyncio.get_running_loop().time()
            self.idle.append(connection)
        else:
            connection.close()

    def close(self) -> None:
        while self.idle:
            self.idle.pop().close()


@dataclass
class Addresses:
    """The addresses of one service, taken in turn."""

    pools: list[Pool]
    turn: int = 0

    def in_turn(self) -> list[Pool]:
        """All of them, the next one first, those that just refused last."""
        if len(self.pools) == 1:
            return self.pools
        self.turn = (self.turn + 1) % len(self.pools)
        rotated = self.pools[self.turn :] + self.pools[: self.turn]
        now = asyncio.get_running_loop().time()
        return sorted(rotated, key=lambda pool: pool.shunned_until > now)


def addresses_of(setting: str) -> Addresses:
    """One address, or several with commas between them."""
    found = [one.strip().rstrip("/") for one in setting.split(",") if one.strip()]
    return Addresses([Pool(address) for address in found])
