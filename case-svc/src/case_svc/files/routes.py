"""Uploads and downloads. `main.py` says who may see a file of a case and how a look is recorded."""

from collections.abc import AsyncIterator
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import StreamingResponse
from starlette.datastructures import FormData
from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope, Send

from case_svc.files import digests, names, queries, usecases
from case_svc.files.errors import (
    BadDigest,
    ContentUnreachable,
    DigestMismatch,
    FileEmpty,
    FileMissing,
    FileTooLarge,
    FileTypeRefused,
    NotMultipart,
    UploadBroken,
    UploadExpired,
)
from case_svc.files.models import StoredFile
from case_svc.files.schemas import FileOut
from case_svc.files.usecases import Arrival, MaySee, Witness
from chassis.auth import Actor, SignedIn, requires
from chassis.db import Session
from chassis.problems import problems, refusal
from chassis.settings import Context

Uploader = Annotated[Actor, Depends(requires(kind=("citizen", "staff")))]

_BODY: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "additionalProperties": False,
                    "properties": {
                        "file": {"type": "string", "contentMediaType": "application/octet-stream"}
                    },
                }
            }
        },
    },
    "parameters": [
        {
            "name": "Repr-Digest",
            "in": "header",
            "required": False,
            "description": "RFC 9530, sha-256 of the file; verified",
            "schema": {"type": "string"},
        }
    ],
}
_CONTENT: Final[dict[int | str, dict[str, Any]]] = {
    200: {"description": "The content", "content": {"*/*": {"schema": {"type": "string"}}}},
    304: {"description": "What the client holds is current"},
}


class StoredContent(StreamingResponse):
    """Opens the object before the status line leaves, so that a lost object is a clean 503."""

    def __init__(self, content: AsyncIterator[bytes], headers: dict[str, str]) -> None:
        super().__init__(content, headers=headers)
        self._content = content

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            first = await anext(self._content)
        except (OSError, StopAsyncIteration):
            answer = refusal(Request(scope), ContentUnreachable(retry_after=5))
            await answer(scope, receive, send)
            return
        self.body_iterator = _continued(first, self._content)
        await super().__call__(scope, receive, send)


async def arrived(request: Request) -> Arrival:
    """Runs before the session is opened: no storage between BEGIN and COMMIT."""
    here: Context = request.app.state.context
    try:
        arrival = await usecases.receive_file(
            here,
            request.stream(),
            content_type=request.headers.get("content-type", ""),
            length=int(request.headers.get("content-length", "0")),
            repr_digest=request.headers.get("repr-digest"),
        )
    except ClientDisconnect:
        raise UploadBroken("cut_off", "上传中断", "the upload was cut off") from None
    # The idempotency fingerprint reads the form; the body is gone, so it gets the file's checksum.
    request._form = FormData([("file", f"{arrival.name}\n{arrival.sha256.hex()}")])  # noqa: SLF001
    return arrival


async def upload_file(
    actor: Uploader,
    arrival: Annotated[Arrival, Depends(arrived)],
    session: Session,
    response: Response,
) -> FileOut:
    """Upload one file: pdf, ofd, png, jpg, webp, tiff, docx, xlsx, mp4 or txt, up to 50 MiB."""
    stored = await usecases.keep_file(session, actor, arrival)
    response.headers["Location"] = f"/api/v1/files/{stored.file_id}"
    return FileOut(
        file_id=stored.file_id,
        name=arrival.name,
        size=stored.size,
        media_type=stored.media_type,
        sha256=stored.sha256.hex(),
    )


def file_routes(*, may_see: MaySee, witness: Witness) -> APIRouter:
    """The routes, with what only the rooms above can decide."""
    router = APIRouter(prefix="/api/v1/files", tags=["files"])
    router.post("", status_code=201, openapi_extra=_BODY, responses=_UPLOAD_PROBLEMS)(upload_file)

    @router.get("/{file_id}", response_class=Response, responses=_CONTENT | _READ_PROBLEMS)
    async def read_file(
        file_id: UUID, request: Request, actor: SignedIn, session: Session
    ) -> Response:
        """The content, for its uploader, the parties and the staff who may see the case."""
        stored = await usecases.open_file(session, actor, file_id, may_see=may_see, witness=witness)
        headers = _headers(stored, queries.name_of(session, stored))
        if _held(request, headers["ETag"]):
            return _unchanged(headers)
        here: Context = request.app.state.context
        return StoredContent(here.files.get(stored.object_key), headers)

    @router.head("/{file_id}", response_class=Response, responses=_CONTENT | _READ_PROBLEMS)
    async def describe_file(
        file_id: UUID, request: Request, actor: SignedIn, session: Session
    ) -> Response:
        """Size, type, checksum and name without the content."""
        stored = await usecases.open_file(session, actor, file_id, may_see=may_see, witness=witness)
        headers = _headers(stored, queries.name_of(session, stored))
        return _unchanged(headers) if _held(request, headers["ETag"]) else Response(headers=headers)

    return router


_UPLOAD_PROBLEMS: Final = problems(
    FileTooLarge,
    NotMultipart,
    FileTypeRefused,
    UploadBroken,
    FileEmpty,
    BadDigest,
    DigestMismatch,
    UploadExpired,
)
_READ_PROBLEMS: Final = problems(FileMissing, ContentUnreachable)


def _headers(stored: StoredFile, name: str) -> dict[str, str]:
    """Always a download, never a page: what strangers upload must not run in our origin."""
    return {
        "Content-Type": stored.media_type,
        "Content-Length": str(stored.size),
        "Content-Disposition": names.disposition(name),
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": "default-src 'none'; sandbox",
        "Cache-Control": "private, no-cache",
        "Accept-Ranges": "none",
        "ETag": f'"{stored.sha256.hex()}"',
        "Repr-Digest": digests.field(stored.sha256),
    }


def _held(request: Request, tag: str) -> bool:
    sent = request.headers.get("if-none-match", "")
    return bool({one.strip().removeprefix("W/") for one in sent.split(",")} & {tag, "*"})


def _unchanged(headers: dict[str, str]) -> Response:
    return Response(
        status_code=304, headers={name: headers[name] for name in ("ETag", "Cache-Control")}
    )


async def _continued(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for chunk in rest:
        yield chunk
