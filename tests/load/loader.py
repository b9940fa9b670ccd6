"""A loader of our own: HTTP/1.1 on bare asyncio with httptools, one request at a time a connection.

`python -m tests.load.loader URL` asks as fast as it is answered, for machines without wrk; `Wires`
asks at moments fixed in advance.
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
from urllib.parse import urlsplit

import httptools
import uvloop

from .frame import Load, quantile

# A connection that was not used for longer may just be being closed by the other side.
FRESH_SECONDS = 4.0
PATIENCE_SECONDS = 35.0


class CutOff(Exception):
    """The connection ended, could not be made, or said what is no HTTP."""


@dataclass(slots=True)
class Answer:
    status: int
    headers: list[tuple[str, str]]
    body: bytes

    def json(self):
        return json.loads(self.body)


class Wire(asyncio.Protocol):
    """One connection; `ask` again only when it has answered."""

    def __init__(self) -> None:
        self.used = 0.0
        self.closed = False
        self._answer: asyncio.Future[Answer] | None = None
        self._start()

    def ask(self, request: bytes) -> "asyncio.Future[Answer]":
        self._answer = asyncio.get_running_loop().create_future()
        if self.closed:
            self._answer.set_exception(CutOff("closed before the request"))
        else:
            self.transport.write(request)
        return self._answer

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

    def _fail(self, why: str) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(CutOff(why))
        if not self.closed:
            self.close()

    def _start(self) -> None:
        self._parser = httptools.HttpResponseParser(self)
        self._headers: list[tuple[str, str]] = []
        self._body: list[bytes] = []

    # what the parser says

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers.append((name.decode("latin-1"), value.decode("latin-1")))

    def on_body(self, body: bytes) -> None:
        self._body.append(body)

    def on_message_complete(self) -> None:
        answer = Answer(self._parser.get_status_code(), self._headers, b"".join(self._body))
        if not self._parser.should_keep_alive():
            self.close()
        waiting, self._answer = self._answer, None
        self._start()
        if waiting is not None and not waiting.done():
            waiting.set_result(answer)


@dataclass
class Wires:
    """As many connections as requests are under way; each request waits `patience` seconds."""

    base_url: str
    patience: float = PATIENCE_SECONDS
    idle: list[Wire] = field(default_factory=list)

    async def ask(
        self,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
    ) -> Answer:
        """Raises CutOff, or TimeoutError when the patience is over."""
        async with asyncio.timeout(self.patience):
            wire = self._kept() or await self._connected()
            try:
                answer = await wire.ask(request_of(self.base_url, method, path, headers, body))
            except BaseException:
                wire.close()
                raise
        if not wire.closed:
            wire.used = time.monotonic()
            self.idle.append(wire)
        return answer

    def close(self) -> None:
        while self.idle:
            self.idle.pop().close()

    def _kept(self) -> Wire | None:
        fresh = time.monotonic() - FRESH_SECONDS
        while self.idle:
            wire = self.idle.pop()
            if not wire.closed and wire.used > fresh:
                return wire
            wire.close()
        return None

    async def _connected(self) -> Wire:
        parts = urlsplit(self.base_url)
        loop = asyncio.get_running_loop()
        try:
            _, wire = await loop.create_connection(Wire, parts.hostname, parts.port)
        except OSError as error:
            raise CutOff(f"{type(error).__name__}: {error}") from error
        return wire


def request_of(
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
class Count:
    request: bytes
    end: float
    waited: list[float] = field(default_factory=list)
    errors: int = 0
    open: int = 0
    over: asyncio.Event = field(default_factory=asyncio.Event)


class Repeating(asyncio.Protocol):
    """Asks the same again as soon as it is answered; keeps neither headers nor bodies."""

    def __init__(self, count: Count) -> None:
        self.count = count
        self.parser = httptools.HttpResponseParser(self)

    def connection_made(self, transport) -> None:
        self.transport = transport
        self.count.open += 1
        self._ask()

    def data_received(self, data: bytes) -> None:
        self.parser.feed_data(data)

    def on_message_complete(self) -> None:
        now = time.perf_counter()
        self.count.waited.append(now - self.asked)
        if self.parser.get_status_code() >= 400:
            self.count.errors += 1
        self.parser = httptools.HttpResponseParser(self)
        if now < self.count.end:
            self._ask()
        else:
            self.transport.close()

    def connection_lost(self, _: Exception | None) -> None:
        self.count.open -= 1
        if not self.count.open:
            self.count.over.set()
        if time.perf_counter() < self.count.end:
            self.count.errors += 1

    def _ask(self) -> None:
        self.asked = time.perf_counter()
        self.transport.write(self.count.request)


async def repeat(url: str, connections: int, seconds: float, headers: Mapping[str, str]) -> Load:
    parts = urlsplit(url)
    path = parts.path + (f"?{parts.query}" if parts.query else "")
    began = time.perf_counter()
    count = Count(request_of(url, "GET", path or "/", headers), began + seconds)
    loop = asyncio.get_running_loop()
    for _ in range(connections):
        await loop.create_connection(lambda: Repeating(count), parts.hostname, parts.port)
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(count.over.wait(), seconds + PATIENCE_SECONDS)
    took = max(seconds, time.perf_counter() - began)
    rate = len(count.waited) / took
    found = [quantile(count.waited, part) * 1000 for part in (0.5, 0.99)]
    return Load(rate, *found, errors=count.errors + count.open, by="own loader")


def main(words: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.load.loader", description=__doc__)
    parser.add_argument("url")
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--header", action="append", default=[])
    chosen = parser.parse_args(words)
    headers = dict(one.split(": ", 1) for one in chosen.header)
    gc.disable()
    found = uvloop.run(repeat(chosen.url, chosen.connections, chosen.seconds, headers))
    with contextlib.suppress(BrokenPipeError):
        print(json.dumps(found.__dict__))


if __name__ == "__main__":
    main()
