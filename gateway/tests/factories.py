"""A whole network in miniature: four small services and the gateway, all on real sockets."""

import asyncio
import contextlib
import json
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import httpx
from uvicorn import Config, Server

from chassis.testing.plugin import _KID, _SIGNER
from chassis.testing.settings import ISSUER
from gateway.main import Gateway, create_app
from gateway.server import server_of
from gateway.settings import GatewaySettings

SERVICES = ("identity", "catalog", "case", "exchange")
NOWHERE = "nats://127.0.0.1:1"
JWKS = {"keys": [_SIGNER.as_dict(private=False) | {"kid": _KID}]}


@dataclass
class Seen:
    """A request as the service got it."""

    method: str
    path: str
    raw_path: str
    query: str
    headers: list[tuple[str, str]]
    client: tuple[str, int] | None = None
    body: bytearray = field(default_factory=bytearray)
    cut_off: bool = False

    def all(self, name):
        return [value for key, value in self.headers if key == name]

    def one(self, name):
        (value,) = self.all(name)
        return value


@dataclass
class Service:
    """A tiny ASGI service: `answers[path]` is a function of (seen, receive, send), else an echo."""

    name: str
    answers: dict = field(default_factory=dict)
    seen: list[Seen] = field(default_factory=list)
    server: Server | None = None
    port: int = 0

    async def __call__(self, scope, receive, send):
        headers = [(k.decode("latin-1"), v.decode("latin-1")) for k, v in scope["headers"]]
        seen = Seen(
            scope["method"],
            scope["path"],
            scope["raw_path"].decode(),
            scope["query_string"].decode(),
            headers,
            scope["client"],
        )
        answer = self.answers.get(scope["path"])
        if scope["path"] in QUIET and answer is None:
            await json_answer(send, QUIET[scope["path"]])
            return
        self.seen.append(seen)
        if answer is not None:
            await answer(seen, receive, send)
            return
        await read(seen, receive)
        await json_answer(send, {"service": self.name, "path": seen.path, "size": len(seen.body)})

    @property
    def address(self):
        return f"http://127.0.0.1:{self.port}"

    async def start(self):
        config = Config(
            self,
            host="127.0.0.1",
            port=self.port,
            lifespan="off",
            proxy_headers=False,
            log_level="critical",
            timeout_graceful_shutdown=0,
        )
        self.server = Server(config)
        self.task = asyncio.create_task(self.server._serve())
        await until(lambda: self.server.started)
        self.port = self.server.servers[0].sockets[0].getsockname()[1]

    async def stop(self):
        if self.server is not None:
            self.server.should_exit = True
            self.server.force_exit = True
            await self.task
            for connection in list(self.server.server_state.connections):
                connection.transport.abort()
            self.server = None


QUIET = {
    "/readyz": {"status": "ready", "parts": {}},
    "/openapi.json": {"openapi": "3.1.0", "paths": {}, "components": {}},
    "/asyncapi.json": {"asyncapi": "3.0.0", "channels": {}, "operations": {}},
    "/.well-known/jwks.json": JWKS,
}


@dataclass
class Network:
    services: dict[str, Service]
    gateway: Gateway
    server: Server
    client: httpx.AsyncClient
    port: int

    def __getattr__(self, name):
        return self.__dict__["services"][name]

    async def raw(self, text, *, wait=2.0):
        """Send bytes as they are; everything that comes back until the server closes or pauses."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(text.encode("latin-1") if isinstance(text, str) else text)
        received = b""
        with contextlib.suppress(TimeoutError, ConnectionError):
            while chunk := await asyncio.wait_for(reader.read(65536), wait):
                received += chunk
        writer.close()
        return received.decode("utf-8", "replace")

    async def get_raw(self, target, *lines):
        extra = "".join(f"{line}\r\n" for line in lines)
        return await self.raw(
            f"GET {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{extra}\r\n"
        )


@contextlib.asynccontextmanager
async def running_network(**settings):
    services = {name: Service(name) for name in SERVICES}
    await asyncio.gather(*(one.start() for one in services.values()))
    chosen = {
        "issuer": ISSUER,
        "keys_url": f"{services['identity'].address}/.well-known/jwks.json",
        "nats_url": NOWHERE,
        "port": 0,
        "grace_seconds": 1,
        **{f"{name}_url": one.address for name, one in services.items()},
    }
    chosen = GatewaySettings(**chosen | settings)
    app = create_app(chosen)
    gateway = app.state.gateway
    server = server_of(chosen, app)
    server.config.loop = "none"
    task = asyncio.create_task(server._serve())
    await until(lambda: server.started)
    port = server.servers[0].sockets[0].getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    # No certificates: reading them takes longer than the test.
    async with httpx.AsyncClient(base_url=url, timeout=10, verify=False) as client:
        await until(lambda: gateway.keys.keys and gateway.health.parts)
        yield Network(services, gateway, server, client, port)
    server.should_exit = True
    await asyncio.gather(task, *(one.stop() for one in services.values()))


def bus_server(port, folder):
    binary = Path(sys.executable).parent / "nats-server"
    command = [str(binary), "-js", "-sd", str(folder), "-a", "127.0.0.1", "-p", str(port)]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


async def until(true, *, seconds=10.0):
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not come about"
        await asyncio.sleep(0.005)


async def read(seen, receive):
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            seen.cut_off = True
            return
        seen.body += message.get("body", b"")
        if not message.get("more_body"):
            return


async def json_answer(send, content, status=200, headers=()):
    await answer(send, json.dumps(content).encode(), status, "application/json", headers)


async def answer(send, body, status=200, media_type="text/plain", headers=()):
    framing = [("content-type", media_type), ("content-length", str(len(body)))]
    await start(send, status, [*framing, *headers])
    await send({"type": "http.response.body", "body": body})


async def start(send, status=200, headers=()):
    encoded = [(key.encode(), value.encode()) for key, value in headers]
    await send({"type": "http.response.start", "status": status, "headers": encoded})


def gives(content, status=200, **headers):
    """An answer that is always the same."""
    named = [(key.replace("_", "-"), value) for key, value in headers.items()]

    async def answers(seen, receive, send):
        await read(seen, receive)
        if isinstance(content, bytes):
            await answer(send, content, status, "application/octet-stream", named)
        else:
            await json_answer(send, content, status, named)

    return answers


def problem(response, status, slug):
    """The answer is this problem document, complete."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    content = response.json()
    assert content["type"] == f"urn:onenet:problem:{slug}"
    assert content["status"] == status
    assert content["title"]
    assert content["detail"]
    assert response.headers["x-request-id"]
    return content
