"""A loader of our own: HTTP/1.1 on bare asyncio with httptools, one request at a time a connection.

`python -m tests.load.loader BASE_URL REQUESTS` sends as fast as it is answered; `Connections` sends
at moments that its caller chooses.
"""

import argparse
import asyncio
import contextlib
import gc
import json
import random
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httptools
import uvloop

from .frame import quantile

# A connection that was not used for longer may just be being closed by the other side.
FRESH_SECONDS = 4.0
TIMEOUT_SECONDS = 35.0
# Stands in a header where every request needs a value of its own.
NEW_KEY = "$new-key"


class ConnectionCut(Exception):
    """The connection ended, could not be made, or carried something that is not HTTP."""


@dataclass(frozen=True)
class Request:
    """`headers` may hold NEW_KEY, which becomes another value in each request."""

    path: str
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str | None = None


@dataclass(frozen=True)
class Load:
    """What a loader measured; `complaint` is the first answer that was not expected."""

    requests_per_second: float
    p50_ms: float
    p99_ms: float
    errors: int
    complaint: str = ""


@dataclass(slots=True)
class Answer:
    status: int
    headers: list[tuple[str, str]]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def text(self) -> str:
        return self.body.decode(errors="replace")

    def header(self, name: str) -> str | None:
        return next((value for key, value in self.headers if key.lower() == name), None)


class Connection(asyncio.Protocol):
    """One connection; `send` again only after its answer."""

    def __init__(self) -> None:
        self.last_used = 0.0
        self.closed = False
        self._waiter: asyncio.Future[Answer] | None = None
        self._begin_answer()

    def send(self, request: bytes) -> "asyncio.Future[Answer]":
        self._waiter = asyncio.get_running_loop().create_future()
        if self.closed:
            self._waiter.set_exception(ConnectionCut("closed before the request"))
        else:
            self.transport.write(request)
        return self._waiter

    def close(self) -> None:
        self.closed = True
        self.transport.abort()

    def connection_made(self, transport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            self._fail(str(error))

    def connection_lost(self, exc: Exception | None) -> None:
        self.closed = True
        self._fail(f"{type(exc).__name__}" if exc else "closed by the other side")

    def _fail(self, reason: str) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_exception(ConnectionCut(reason))
        if not self.closed:
            self.close()

    def _begin_answer(self) -> None:
        self._parser = httptools.HttpResponseParser(self)
        self._headers: list[tuple[str, str]] = []
        self._body: list[bytes] = []

    # called by the parser

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers.append((name.decode("latin-1"), value.decode("latin-1")))

    def on_body(self, body: bytes) -> None:
        self._body.append(body)

    def on_message_complete(self) -> None:
        answer = Answer(self._parser.get_status_code(), self._headers, b"".join(self._body))
        if not self._parser.should_keep_alive():
            self.close()
        waiter, self._waiter = self._waiter, None
        self._begin_answer()
        if waiter is not None and not waiter.done():
            waiter.set_result(answer)


@dataclass
class Connections:
    """As many connections as requests are under way; each answer is awaited `timeout` seconds."""

    base_url: str
    timeout: float = TIMEOUT_SECONDS
    idle: list[Connection] = field(default_factory=list)

    async def send(
        self,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
    ) -> Answer:
        """Raises ConnectionCut, or TimeoutError."""
        async with asyncio.timeout(self.timeout):
            connection = self._idle_connection() or await self._new_connection()
            try:
                message = message_of(self.base_url, method, path, headers, body)
                answer = await connection.send(message)
            except BaseException:
                connection.close()
                raise
        if not connection.closed:
            connection.last_used = time.monotonic()
            self.idle.append(connection)
        return answer

    def close(self) -> None:
        while self.idle:
            self.idle.pop().close()

    def _idle_connection(self) -> Connection | None:
        oldest = time.monotonic() - FRESH_SECONDS
        while self.idle:
            connection = self.idle.pop()
            if not connection.closed and connection.last_used > oldest:
                return connection
            connection.close()
        return None

    async def _new_connection(self) -> Connection:
        address = urlsplit(self.base_url)
        loop = asyncio.get_running_loop()
        try:
            _, connection = await loop.create_connection(Connection, address.hostname, address.port)
        except OSError as error:
            raise ConnectionCut(f"{type(error).__name__}: {error}") from error
        return connection


def message_of(
    base_url: str,
    method: str,
    path: str,
    headers: Mapping[str, str] | None = None,
    body: bytes | None = None,
) -> bytes:
    lines = [f"{method} {path} HTTP/1.1", f"Host: {urlsplit(base_url).netloc}"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    if body is not None:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + (body or b"")


def arrivals(rate: float, seconds: float, choice: random.Random) -> Iterator[float]:
    """Moments from 0 on at which people come who do not know of each other."""
    moment = choice.expovariate(rate)
    while moment < seconds:
        yield moment
        moment += choice.expovariate(rate)


# As fast as it is answered.


@dataclass
class Tally:
    """What all connections share; `messages` are (before, after) the place of a new key."""

    messages: Sequence[tuple[bytes, bytes | None]]
    status: int
    end: float
    waits: list[float] = field(default_factory=list)
    errors: int = 0
    complaint: str = ""

    def message(self) -> bytes:
        before, after = random.choice(self.messages)
        return (
            before if after is None else before + f"{random.getrandbits(128):032x}".encode() + after
        )


class Repeater(asyncio.Protocol):
    """Sends the next request as soon as the last is answered; keeps no headers and no bodies."""

    def __init__(self, tally: Tally) -> None:
        self.tally = tally
        self.parser = httptools.HttpResponseParser(self)
        self.finished = asyncio.get_running_loop().create_future()
        self.waiting = False

    def connection_made(self, transport) -> None:
        self.transport = transport
        self._send()

    def data_received(self, data: bytes) -> None:
        self.last = data
        self.parser.feed_data(data)

    def on_message_complete(self) -> None:
        moment = time.perf_counter()
        self.waiting = False
        self.tally.waits.append(moment - self.sent)
        if self.parser.get_status_code() != self.tally.status:
            self.tally.errors += 1
            self.tally.complaint = self.tally.complaint or self.last[:600].decode(errors="replace")
        keeps = self.parser.should_keep_alive()
        self.parser = httptools.HttpResponseParser(self)
        if keeps and moment < self.tally.end:
            self._send()
        else:
            self.transport.close()

    def connection_lost(self, _: Exception | None) -> None:
        if self.waiting:
            self.tally.errors += 1
            self.tally.complaint = self.tally.complaint or "the connection was cut"
        self.finished.set_result(None)

    def _send(self) -> None:
        self.sent = time.perf_counter()
        self.waiting = True
        self.transport.write(self.tally.message())


async def repeat(
    base_url: str, requests: Sequence[Request], *, connections: int, seconds: float, status: int
) -> Load:
    address = urlsplit(base_url)
    began = time.perf_counter()
    tally = Tally(
        [split_message(base_url, request) for request in requests], status, began + seconds
    )
    loop = asyncio.get_running_loop()

    async def keep_busy() -> None:
        """A server may close a connection after an answer; then another takes its place."""
        while time.perf_counter() < tally.end:
            _, repeater = await loop.create_connection(
                lambda: Repeater(tally), address.hostname, address.port
            )
            await repeater.finished

    async with asyncio.timeout(seconds + TIMEOUT_SECONDS):
        await asyncio.gather(*(keep_busy() for _ in range(connections)))
    rate = len(tally.waits) / max(seconds, time.perf_counter() - began)
    p50, p99 = (quantile(tally.waits, part) * 1000 for part in (0.5, 0.99))
    return Load(rate, p50, p99, tally.errors, tally.complaint)


def split_message(base_url: str, request: Request) -> tuple[bytes, bytes | None]:
    body = None if request.body is None else request.body.encode()
    message = message_of(base_url, request.method, request.path, request.headers, body)
    before, mark, after = message.partition(NEW_KEY.encode())
    return (before, after) if mark else (message, None)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.load.loader", description=__doc__)
    parser.add_argument("base_url")
    parser.add_argument("requests", type=Path, help="a JSON file: a list of requests")
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--status", type=int, default=200, help="what every answer must have")
    options = parser.parse_args(arguments)
    requests = [Request(**content) for content in json.loads(options.requests.read_text())]
    gc.disable()
    result = uvloop.run(
        repeat(
            options.base_url,
            requests,
            connections=options.connections,
            seconds=options.seconds,
            status=options.status,
        )
    )
    with contextlib.suppress(BrokenPipeError):
        print(json.dumps(result.__dict__))


if __name__ == "__main__":
    main()
