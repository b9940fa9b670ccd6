"""Calls to the outside: timeouts always, the trace goes along; never on a hot path."""

import httpx
from opentelemetry import propagate

TIMEOUT = httpx.Timeout(10, connect=3)


def client(base_url: str = "", *, token: str | None = None) -> httpx.AsyncClient:
    """An httpx client; connections that fail are retried once, requests are not."""
    headers = {"User-Agent": "onenet"}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    return httpx.AsyncClient(
        base_url=base_url,
        timeout=TIMEOUT,
        headers=headers,
        transport=httpx.AsyncHTTPTransport(retries=1),
        event_hooks={"request": [_trace]},
    )


async def _trace(request: httpx.Request) -> None:
    carrier: dict[str, str] = {}
    propagate.inject(carrier)
    request.headers.update(carrier)
