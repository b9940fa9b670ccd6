"""Server-sent events for one case: that something happened and when, nothing personal."""

import asyncio
import json
import time
from dataclasses import dataclass, field, replace

from nats.aio.client import Client
from nats.aio.msg import Msg

from chassis.errors import Unauthenticated
from gateway.call import Call
from gateway.errors import Overloaded
from gateway.proxy.forwarding import Upstreams, opened
from gateway.proxy.hygiene import response_headers

HEARTBEAT_SECONDS = 15
PATH_SEGMENTS = 6


@dataclass
class Streams:
    limit: int
    open: set[str] = field(default_factory=set)


def case_of(path: str) -> str | None:
    """The case id of `/api/v1/cases/{case_id}/stream`, none for any other path."""
    parts = path.split("/")
    is_stream = len(parts) == PATH_SEGMENTS and parts[1:4] == ["api", "v1", "cases"]
    return parts[4] if is_stream and parts[5] == "stream" else None


async def serve(
    call: Call, streams: Streams, nc: Client, upstreams: Upstreams, case_id: str
) -> None:
    """Stream until the client leaves or its token expires; only who may see the case gets it."""
    if call.claims is None:
        raise Unauthenticated
    if len(streams.open) >= streams.limit:
        raise Overloaded(retry_after=10)
    if not await _may_see(call, upstreams, case_id):
        return
    notices: asyncio.Queue[Msg] = asyncio.Queue(maxsize=100)

    async def note(message: Msg) -> None:
        if not notices.full():
            notices.put_nowait(message)

    streams.open.add(call.request_id)
    subscription = await nc.subscribe(f"onenet.case.*.v1.{case_id}", cb=note)
    try:
        await _send_notices(call, notices)
    finally:
        streams.open.discard(call.request_id)
        await subscription.unsubscribe()


async def _may_see(call: Call, upstreams: Upstreams, case_id: str) -> bool:
    """Ask the case service with the caller's own token; its refusal is passed on as it is."""
    path = f"/api/v1/cases/{case_id}/clock"
    asked = replace(call, path=path, raw_path=path.encode(), query=b"", method="GET")
    async with upstreams.place("case"), opened(asked, upstreams, "case") as response:
        body = await response.content.read()
        if response.status == 200:  # noqa: PLR2004 - OK
            return True
        headers = response_headers(list(response.raw_headers))
        await call.start(response.status, headers)
        await call.send({"type": "http.response.body", "body": body})
        return False


async def _send_notices(call: Call, notices: asyncio.Queue[Msg]) -> None:
    headers = [
        (b"content-type", b"text/event-stream; charset=utf-8"),
        (b"cache-control", b"no-store"),
        (b"x-accel-buffering", b"no"),
    ]
    await call.start(200, headers)
    await _write(call, b"retry: 3000\n\n")
    gone = asyncio.create_task(_client_left(call))
    expires = float(call.claims["exp"]) if call.claims else 0.0
    try:
        while not gone.done() and time.time() < expires:
            try:
                async with asyncio.timeout(min(HEARTBEAT_SECONDS, max(0.1, expires - time.time()))):
                    message = await notices.get()
            except TimeoutError:
                await _write(call, b": heartbeat\n\n")
            else:
                await _write(call, _notice(message))
    finally:
        gone.cancel()
    await call.send({"type": "http.response.body", "body": b""})


def _notice(message: Msg) -> bytes:
    envelope = json.loads(message.data)
    told = {name: envelope[name] for name in ("type", "time", "sequence")}
    text = json.dumps(told)
    return f"id: {envelope['sequence']}\nevent: {envelope['type']}\ndata: {text}\n\n".encode()


async def _client_left(call: Call) -> None:
    while (await call.receive())["type"] != "http.disconnect":
        pass


async def _write(call: Call, chunk: bytes) -> None:
    await call.send({"type": "http.response.body", "body": chunk, "more_body": True})
