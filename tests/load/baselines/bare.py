"""The smallest ASGI answers: `empty` says nothing, `upstream` is a service of one kibibyte."""

import json
import os

BODY = json.dumps({"case_id": "0190", "text": "x" * 990}).encode()
HEADERS = [(b"content-type", b"application/json"), (b"content-length", str(len(BODY)).encode())]
PUBLIC = [*HEADERS, (b"etag", b'"1"'), (b"cache-control", b"public, max-age=0, s-maxage=300")]
READY = json.dumps({"status": "ready", "parts": {}}).encode()
JWKS = os.environ.get("BENCH_JWKS", "{}").encode()


async def empty(scope, receive, send):
    if scope["type"] == "http":
        await _send(send, BODY, HEADERS)


async def upstream(scope, receive, send):
    if scope["type"] != "http":
        return
    path = scope["path"]
    if path == "/readyz":
        await _plain(send, READY)
    elif path == "/.well-known/jwks.json":
        await _plain(send, JWKS)
    elif path.startswith("/api/v1/items"):
        await _send(send, BODY, PUBLIC)
    else:
        await _send(send, BODY, HEADERS)


async def _plain(send, body):
    await _send(send, body, [(b"content-length", str(len(body)).encode())])


async def _send(send, body, headers):
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})
