"""The usual recipe: FastAPI in front, httpx behind, streamed. Run: uvicorn …:app."""

import os

import httpx
from fastapi import FastAPI, Request
from fastapi.responses import StreamingResponse

app = FastAPI()
client = httpx.AsyncClient(base_url=os.environ["UPSTREAM"], timeout=30)


@app.api_route("/{path:path}", methods=["GET", "POST"])
async def proxy(path: str, request: Request) -> StreamingResponse:
    headers = [(name, value) for name, value in request.headers.raw if name != b"host"]
    asked = client.build_request(
        request.method, f"/{path}", headers=headers, content=request.stream()
    )
    answer = await client.send(asked, stream=True)
    return StreamingResponse(
        answer.aiter_raw(), answer.status_code, dict(answer.headers), background=None
    )
