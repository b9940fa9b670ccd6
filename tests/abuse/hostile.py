"""A bounded set of hostile HTTP against a running gateway, as a stranger sees it.

While it runs, somebody else asks all the time and has to be answered. What services get to see of
it only the gateway's own tests can tell (gateway/tests/test_hostile_*.py).
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

# How late somebody else's answer may be meanwhile, and how long the whole set may take.
DEADLINE_SECONDS = 5.0
LONGEST_SECONDS = 180.0
# The gateway waits ten seconds for a head and for a body that does not move.
PATIENCE_SECONDS = 20.0
MIB = 1024 * 1024

_HIDDEN = "GET /api/v1/smuggled HTTP/1.1\r\nHost: x\r\n\r\n"
# Taken for a request it would swallow the head of the next one.
_HALF = "GET /api/v1/smuggled HTTP/1.1\r\nHost: x\r\nX-A: "
_POST = "POST /api/v1/cases HTTP/1.1\r\nHost: x\r\n"
_GET = "GET /api/v1/tasks HTTP/1.1\r\n"
_CHUNKED = _POST + "Transfer-Encoding: chunked\r\n\r\n"
_LINE = "GET {} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"

# Each must be refused as a whole: one answer at most, then the connection is over.
REFUSED = {
    "CL.TE": _POST + "Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "TE.CL": _POST + "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n",
    "TE.TE": _POST + "Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n\r\n0\r\n\r\n",
    "TE list": _POST + "Transfer-Encoding: chunked, x\r\n\r\n0\r\n\r\n",
    "TE hidden by a tab": _POST + "Transfer-Encoding:\x0bchunked\r\n\r\n0\r\n\r\n",
    "TE hidden by a space": _POST + "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
    "TE folded": _POST + "Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n",
    "TE identity": _POST + "Transfer-Encoding: identity\r\n\r\n",
    "TE of HTTP/1.0": _CHUNKED.replace("HTTP/1.1", "HTTP/1.0") + "0\r\n\r\n",
    "two lengths": _POST + "Content-Length: 0\r\nContent-Length: 4\r\n\r\n",
    "length list": _POST + "Content-Length: 0, 0\r\n\r\n",
    "length signed": _POST + "Content-Length: +0\r\n\r\n",
    "length hexadecimal": _POST + "Content-Length: 0x0\r\n\r\n",
    "length beyond 64 bits": _POST + "Content-Length: 18446744073709551616\r\n\r\n",
    "chunk size signed": _CHUNKED + "-1\r\n",
    "chunk size beyond 64 bits": _CHUNKED + "10000000000000000\r\n",
    "chunk size with a space": _CHUNKED + "0 \r\n\r\n",
    "chunk ended by LF": _CHUNKED + "0\n\r\n",
    "chunk longer than told": _CHUNKED + "1\r\nab\r\n0\r\n\r\n",
    "chunk extension with LF": _CHUNKED + '1;a="\n"\r\na\r\n0\r\n\r\n',
    "length hidden by Connection": _POST
    + "Connection: content-length\r\nContent-Length: 4\r\n\r\n",
    "token hidden by Connection": _POST + "Connection: authorization\r\n\r\n",
    "chunks behind an upgrade": _POST
    + "Connection: upgrade\r\nUpgrade: h2c\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "folded header": _GET + "Host: x\r\nX-A: b\r\n c\r\n\r\n",
    "bare LF": _GET.replace("\r\n", "\n") + "Host: x\n\n",
    "bare CR": _GET + "Host: x\r\nX-A: b\rX-B: c\r\n\r\n",
    "null in a name": _GET + "Host: x\r\nX\x00A: b\r\n\r\n",
    "no host": _GET + "X-A: b\r\n\r\n",
    "two hosts": _GET + "Host: x\r\nHost: y\r\nConnection: close\r\n\r\n",
    "two tokens": _GET
    + "Host: x\r\nAuthorization: Bearer a\r\nAuthorization: Bearer b\r\nConnection: close\r\n\r\n",
    "HTTP/0.9": "GET /api/v1/tasks\r\n\r\n",
    "HTTP/2 by name": "GET /api/v1/tasks HTTP/2.0\r\nHost: x\r\n\r\n",
    "HTTP/2": "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "TLS": "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "CONNECT": "CONNECT 127.0.0.1:22 HTTP/1.1\r\nHost: x\r\n\r\n",
    "TRACE": "TRACE / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    "absolute address": "GET http://evil.example/ HTTP/1.1\r\nHost: x\r\n\r\n",
}
# A proxy in front may read these in one way and frame them anew; then both requests are answered.
LENIENT = frozenset(
    {"bare LF", "chunk size with a space", "chunk ended by LF", "chunks behind an upgrade"}
)
# What the proxy in front refuses (`tests/edge` runs all of it through nginx). The gateway takes
# only the path of such an address, and the service sees our own host.
OF_THE_PROXY = frozenset({"absolute address", "/api/v1/items#/../x"})
# Each is one request, whatever its body looks like; the service behind must take it so, too.
ONE_REQUEST = {
    "body like a request": "",
    "body behind an upgrade": "Connection: upgrade\r\nUpgrade: websocket\r\n",
    "body behind an offer of HTTP/2": "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n",
    "length hidden by Connection": "Connection: content-length\r\n",
    "length hidden by a second Connection": "Connection: content-length\r\nConnection: te\r\n",
}
PATHS = (
    "/api/v1/items/..%2fcases",
    "/api/v1/items/%2e%2e/cases",
    "/api/v1/items/%252e%252e/cases",
    "/api/v1/items/../cases",
    "/api/v1/items/..;/cases",
    "/api/v1/items%5c..%5ccases",
    "/api/v1/items\\..\\cases",
    "/api/v1/items/%00",
    "/api/v1/items/%0d%0aX-Evil:1",
    "/api/v1//items",
    "//evil.example/",
    "/api/v1/items#/../x",
    "/api/v1/items/%zz",
)


@dataclass
class Visit:
    """Where the gateway is, and what was found."""

    host: str
    port: int
    findings: list[str] = field(default_factory=list)

    def found(self, what: str) -> None:
        self.findings.append(what)


async def hostile(base_url: str, teller: Callable[[str], object] = print) -> list[str]:
    """What the gateway got wrong; empty when it held."""
    parts = urlsplit(base_url)
    visit = Visit(parts.hostname or "127.0.0.1", parts.port or 80)
    other = asyncio.create_task(_somebody_else(visit))
    try:
        async with asyncio.timeout(LONGEST_SECONDS):
            for title, attack in ATTACKS:
                before = len(visit.findings)
                await attack(visit)
                teller(f"  {title}: {'held' if len(visit.findings) == before else 'FOUND'}")
    except TimeoutError:
        visit.found(f"the set was not over within {LONGEST_SECONDS:.0f} s")
    finally:
        other.cancel()
        await asyncio.gather(other, return_exceptions=True)
    return visit.findings


async def _somebody_else(visit: Visit) -> None:
    """Asks all the time; 429 is an answer, for all this comes from one address."""
    while True:
        for path in ("/livez", "/api/v1/items"):
            began = time.monotonic()
            status = _status(await _say(visit, _LINE.format(path), wait=DEADLINE_SECONDS))
            seconds = time.monotonic() - began
            if status not in {200, 429} or seconds > DEADLINE_SECONDS:
                visit.found(f"somebody else got {status} for {path} after {seconds:.1f} s")
        await asyncio.sleep(0.1)


async def _framing(visit: Visit) -> None:
    async def one(name: str, text: str) -> None:
        received = await _say(visit, text + _HIDDEN, wait=5)
        statuses = re.findall(rb"^HTTP/1\.1 (\d{3})", received, re.MULTILINE)
        refused = all(status.startswith(b"4") for status in statuses)
        # An answer to HTTP/0.9 has no status.
        if not received or not refused or len(statuses) > (2 if name in LENIENT else 1):
            visit.found(f"{name}: answered {[int(status) for status in statuses]}")

    await asyncio.gather(
        *(one(name, text) for name, text in REFUSED.items() if name not in OF_THE_PROXY)
    )


async def _in_step(visit: Visit) -> None:
    """Whoever asks next gets the answer to his own question."""
    path = "/api/v1/me/cases"
    start = f"POST {path} HTTP/1.1\r\nHost: x\r\n"
    for name, lines in ONE_REQUEST.items():
        length = f"Content-Length: {len(_HALF)}\r\n\r\n"
        await _say(visit, start + lines + length + _HALF, wait=0.2)
        for _ in range(5):
            received = await _say(visit, _LINE.format(path), wait=5)
            if _status(received) not in {401, 429} or path.encode() not in received:
                visit.found(f"{name}: the next client was answered {received[:80]!r}")


async def _paths(visit: Visit) -> None:
    for path in (path for path in PATHS if path not in OF_THE_PROXY):
        status = _status(await _say(visit, _LINE.format(path), wait=5))
        if status not in {400, 429}:
            visit.found(f"{path}: answered {status}")


async def _header_flood(visit: Visit) -> None:
    """A head that ends; one without end is cut by the proxy in front."""
    for line in ("X-A: " + "y" * 1000, "a:"):
        head = _GET + "Host: x\r\n" + f"{line}\r\n" * (MIB // len(line)) + "\r\n"
        received = await _say(visit, head, wait=5)
        if _status(received) not in {0, 400, 431}:
            visit.found(f"took {len(head)} bytes of headers, answered {_status(received)}")


async def _large_bodies(visit: Visit) -> None:
    for path in ("/api/v1/cases", "/api/v1/files", "/nowhere", "/progress"):
        start = f"POST {path} HTTP/1.1\r\nHost: x\r\n"
        received = await _say(visit, start + f"Content-Length: {1024 * MIB}\r\n\r\n", wait=5)
        if _status(received) // 100 != 4:
            visit.found(f"a gigabyte announced at {path}: answered {_status(received)}")
        chunk = "10000\r\n" + "x" * 65536 + "\r\n"
        most = 256 * MIB
        sent, received = await _pour(
            visit, start + "Transfer-Encoding: chunked\r\n\r\n", chunk, most
        )
        if sent >= most or _status(received) >= 500:
            visit.found(f"took {sent} bytes of chunks at {path}, answered {_status(received)}")


async def _slow(visit: Visit) -> None:
    """Bodies in drops: each is ended in time. Heads in drops are ended by the proxy in front."""
    upload = "POST /api/v1/files HTTP/1.1\r\nHost: x\r\nContent-Length: 4000000\r\n\r\n"
    kinds = [
        (20, _POST + "Content-Length: 5000\r\n\r\n", "x"),
        (20, upload, "x"),
        (20, _CHUNKED, "1\r\nx\r\n"),
    ]
    lasting = await asyncio.gather(
        *(_drip(visit, text, drop) for count, text, drop in kinds for _ in range(count))
    )
    late = [one for one in lasting if one > PATIENCE_SECONDS]
    if late:
        visit.found(f"{len(late)} slow connections were held for {max(late):.0f} s")


async def _unread(visit: Visit) -> None:
    """Asks and asks and reads nothing."""
    text = "GET /docs HTTP/1.1\r\nHost: x\r\n\r\n" * 50
    with contextlib.suppress(OSError, TimeoutError):
        reader, writer = await asyncio.open_connection(visit.host, visit.port, limit=1024)
        with contextlib.closing(writer):
            for _ in range(200):
                writer.write(text.encode())
                async with asyncio.timeout(0.5):
                    await writer.drain()
            del reader


async def _left_alone(visit: Visit) -> None:
    """Connections cut in the middle of everything."""
    texts = (_GET, _CHUNKED + "5\r\nab", _POST + "Content-Length: 99\r\n\r\nx", _HIDDEN)
    for text in texts * 25:
        with contextlib.suppress(OSError):
            _, writer = await asyncio.open_connection(visit.host, visit.port)
            writer.write(text.encode())
            await asyncio.sleep(0.005)
            writer.transport.abort()


async def _say(visit: Visit, text: str, *, wait: float) -> bytes:
    """Send it; all that comes back until the gateway closes or says nothing for so long."""
    received = b""
    with contextlib.suppress(OSError, TimeoutError):
        reader, writer = await asyncio.open_connection(visit.host, visit.port)
        with contextlib.closing(writer):
            writer.write(text.encode("latin-1"))
            while True:
                async with asyncio.timeout(wait):
                    chunk = await reader.read(65536)
                if not chunk:
                    break
                received += chunk
    return received


async def _pour(visit: Visit, start: str, more: str, most: int) -> tuple[int, bytes]:
    """Send more and more until the gateway has enough of it; how much it took, what it said."""
    sent = 0
    try:
        reader, writer = await asyncio.open_connection(visit.host, visit.port)
    except OSError:
        return most, b""  # nobody is there any more, and that is a finding
    answer = asyncio.create_task(reader.read(65536))
    with contextlib.closing(writer), contextlib.suppress(OSError, TimeoutError):
        writer.write(start.encode())
        while sent < most:
            writer.write(more.encode())
            sent += len(more)
            async with asyncio.timeout(1):
                await writer.drain()
            await asyncio.sleep(0)
            if answer.done():
                break
    await asyncio.wait({answer}, timeout=5)
    answer.cancel()
    done = (await asyncio.gather(answer, return_exceptions=True))[0]
    return sent, done if isinstance(done, bytes) else b""


async def _drip(visit: Visit, text: str, drop: str) -> float:
    """Send drops until the gateway ends it; how long it was held."""
    began = time.monotonic()
    with contextlib.suppress(OSError):
        reader, writer = await asyncio.open_connection(visit.host, visit.port)
        with contextlib.closing(writer):
            writer.write(text.encode())
            over = asyncio.create_task(reader.read())
            while not over.done() and time.monotonic() - began < 2 * PATIENCE_SECONDS:
                writer.write(drop.encode())
                await asyncio.wait({over}, timeout=1)
            over.cancel()
            await asyncio.gather(over, return_exceptions=True)
    return time.monotonic() - began


def _status(received: bytes) -> int:
    """The status of the first answer, 0 when there was none."""
    match = re.match(rb"HTTP/1\.1 (\d{3})", received)
    return int(match[1]) if match else 0


ATTACKS: Sequence[tuple[str, Callable[[Visit], Awaitable[None]]]] = (
    ("framing that two readers take differently", _framing),
    ("bodies that look like requests", _in_step),
    ("paths that are no paths", _paths),
    ("floods of headers", _header_flood),
    ("bodies without end", _large_bodies),
    ("clients that read nothing", _unread),
    ("clients that vanish", _left_alone),
    ("slow and silent clients", _slow),
)
