"""nginx as it is shipped, on a free port, before a server that records what reaches it."""

import asyncio
import contextlib
import re
import shutil
import socket
from dataclasses import dataclass, field
from pathlib import Path

CONFIGURATION = Path(__file__).parents[2] / "deploy" / "nginx"
BINARY = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")
SITE = {
    "upstream.conf": "upstream gateway {{ server 127.0.0.1:{upstream}; keepalive 8; }}",
    # The tests are a trusted proxy, so that they can come from any address.
    "trusted-proxies.conf": "set_real_ip_from 127.0.0.1; real_ip_header X-Forwarded-For;",
}


@dataclass
class Seen:
    """A request as it reached the upstream."""

    method: str
    target: str
    headers: list[tuple[str, str]]
    body: bytes = b""
    is_cut_off: bool = False

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key.lower() == name]


@dataclass
class Upstream:
    """Reads strictly: whatever is not plainly framed is noted in `broken`.

    `answers` holds coroutine functions by path; they take the request, reader and writer, and what
    they write is the answer. Every other path is answered with 200.
    """

    port: int = 0
    seen: list[Seen] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    answers: dict = field(default_factory=dict)
    open: set = field(default_factory=set)

    async def serve(self, reader, writer):
        self.open.add(asyncio.current_task())
        try:
            while await self._exchange(reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        except ValueError as error:
            self.broken.append(repr(error))
        finally:
            writer.transport.abort()
            self.open.discard(asyncio.current_task())

    async def _exchange(self, reader, writer) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        first, *lines = head[:-4].split("\r\n")
        method, target, version = first.split(" ")
        headers = [tuple(line.split(": ", 1)) for line in lines]
        request = Seen(method, target, headers)
        if version != "HTTP/1.1" or len(request.all("host")) != 1:
            raise ValueError(head)
        self.seen.append(request)
        if answer := self.answers.get(target):
            return await answer(request, reader, writer)
        await self.read_body(request, reader)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nServer: upstream\r\n\r\nok")
        await writer.drain()
        return True

    async def read_body(self, request: Seen, reader) -> None:
        lengths, codings = request.all("content-length"), request.all("transfer-encoding")
        if len(lengths) + len(codings) > 1:
            raise ValueError(request.headers)
        try:
            if lengths:
                request.body = await reader.readexactly(int(lengths[0]))
            while codings:
                size = int((await reader.readuntil(b"\r\n"))[:-2], 16)
                request.body += (await reader.readexactly(size + 2))[:-2]
                if not size:
                    return
        except asyncio.IncompleteReadError:
            request.is_cut_off = True
            raise


@dataclass
class Front:
    """The public port, and the upstream behind it."""

    port: int
    probe: int
    upstream: Upstream

    async def say(self, text: str, *, wait: float = 5.0, port: int | None = None) -> str:
        """Send bytes as they are; all that comes back until nginx closes or is silent so long."""
        reader, writer = await asyncio.open_connection("127.0.0.1", port or self.port)
        received = b""
        try:
            with contextlib.suppress(TimeoutError, ConnectionError):
                writer.write(text.encode("latin-1"))
                while chunk := await asyncio.wait_for(reader.read(65536), wait):
                    received += chunk
        finally:
            writer.transport.abort()
        return received.decode("utf-8", "replace")

    async def get(self, target: str, *lines: str) -> str:
        extra = "".join(f"{line}\r\n" for line in ("Host: x", "Connection: close", *lines))
        return await self.say(f"GET {target} HTTP/1.1\r\n{extra}\r\n")


def free_port() -> int:
    with socket.socket() as made:
        made.bind(("127.0.0.1", 0))
        return made.getsockname()[1]


def write_configuration(folder: Path, upstream: int, changes: dict[str, str]) -> tuple[int, int]:
    """The shipped files in `folder`, with ports of their own and the changes; returns the ports."""
    public, probe = free_port(), free_port()
    site = folder / "site"
    site.mkdir(parents=True)
    for name, text in SITE.items():
        (site / name).write_text(text.format(upstream=upstream))
    changes = changes | {
        "listen 8080": f"listen 127.0.0.1:{public}",
        "listen 8081": f"listen 127.0.0.1:{probe}",
    }
    texts = {name: (CONFIGURATION / name).read_text() for name in ("nginx.conf", "onenet.conf")}
    for old, new in changes.items():
        assert "".join(texts.values()).count(old) == 1, old
        texts = {name: text.replace(old, new) for name, text in texts.items()}
    for name, text in texts.items():
        (folder / name).write_text(text.replace("/tmp/", f"{folder}/"))
    return public, probe


@contextlib.asynccontextmanager
async def running(folder: Path, *, upstream_port: int | None = None, **changes: str):
    """Directives as `client_body_timeout="1s"`; their shipped values are replaced."""
    upstream = Upstream()
    server = await asyncio.start_server(upstream.serve, "127.0.0.1", 0, limit=1024 * 1024)
    upstream.port = server.sockets[0].getsockname()[1]
    shipped = "".join(path.read_text() for path in sorted(CONFIGURATION.glob("*.conf")))
    replaced = {}
    for name, value in changes.items():
        (old,) = re.findall(rf"^\s*({name} [^;]+;)", shipped, re.MULTILINE)
        replaced[old] = f"{name} {value};"
    public, probe = write_configuration(folder, upstream_port or upstream.port, replaced)
    command = [BINARY, "-c", str(folder / "nginx.conf")]
    process = await asyncio.create_subprocess_exec(*command, stderr=asyncio.subprocess.DEVNULL)
    try:
        await until_open(public)
        yield Front(public, probe, upstream)
    finally:
        process.terminate()
        await process.wait()
        server.close()
        for task in list(upstream.open):
            task.cancel()
        await asyncio.gather(*upstream.open, return_exceptions=True)


async def until_open(port: int, *, seconds: float = 4) -> None:
    for _ in range(int(seconds * 50)):
        with contextlib.suppress(OSError):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.close()
            return
        await asyncio.sleep(0.02)
    raise AssertionError(f"nobody listens on {port}")
