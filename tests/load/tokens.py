"""Access tokens as identity signs them, and the address where services fetch the key."""

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from joserfc import jwt
from joserfc.jwk import ECKey

ISSUER = "http://onenet.bench"
KEY_ID = "identity-bench"
LIFE_SECONDS = 3600


@dataclass(frozen=True)
class Signer:
    """One ES256 key; `keys_url` is where its public half is served."""

    keys_url: str = ""
    key: ECKey = field(
        default_factory=lambda: ECKey.generate_key(
            "P-256", {"kid": KEY_ID, "alg": "ES256", "use": "sig"}
        )
    )

    @property
    def jwks(self) -> str:
        return json.dumps({"keys": [self.key.as_dict(private=False)]})

    def token(self, kind: str, **claims: Any) -> str:
        now = int(time.time())
        content = {
            "iss": ISSUER,
            "aud": "onenet",
            "sub": str(uuid4()),
            "client_id": "onenet-web",
            "iat": now,
            "exp": now + LIFE_SECONDS,
            "jti": str(uuid4()),
            "kind": kind,
            "level": "L3" if kind == "citizen" else None,
            "scope": "openid profile cases",
        }
        header = {"alg": "ES256", "typ": "at+jwt", "kid": KEY_ID}
        return jwt.encode(header, content | claims, self.key)

    def headers(self, kind: str, **claims: Any) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token(kind, **claims)}"}


@contextlib.asynccontextmanager
async def published_signer() -> AsyncIterator[Signer]:
    """A signer whose public key is served for the length of the block."""
    signer = Signer()
    keys = signer.jwks.encode()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(keys)}\r\nConnection: close\r\n"
        writer.write(f"{head}Content-Type: application/json\r\n\r\n".encode() + keys)
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        yield Signer(f"http://127.0.0.1:{port}/", signer.key)
