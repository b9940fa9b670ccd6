"""Uploads and downloads. `main.py` says who may read a case's file and how that is recorded."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import StreamingResponse
from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope, Send

from case_svc.files import usecases
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
from case_svc.files.rules import digests, names
from case_svc.files.schemas import FileOut
from case_svc.files.usecases import Arrival, FindAccess, RecordAccess
from case_svc.settings import CaseSettings
from chassis.auth import Actor, SignedIn, requires
from chassis.database.sessions import WriteSession, process_of
from chassis.http.route import Outcome, StagedRoute, TransactionRoute
from chassis.problems import problems, refusal
from chassis.process import Process

Uploader = Annotated[Actor, Depends(requires(kind=("citizen", "staff")))]

# Above the limit of a file, so that the refusal of a large one can say what is allowed.
MAX_UPLOAD_BYTES = 64 * 1024 * 1024
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

        async def continued() -> AsyncIterator[bytes]:
            yield first
            async for chunk in self._content:
                yield chunk

        self.body_iterator = continued()
        await super().__call__(scope, receive, send)


async def receive_upload(request: Request) -> Arrival:
    """Runs before the outcome's transaction begins: no storage between BEGIN and COMMIT."""
    process: Process = request.app.state.process
    assert isinstance(process.settings, CaseSettings)
    try:
        arrival = await usecases.receive_file(
            process,
            request.stream(),
            limit=process.settings.file_limit_bytes,
            content_type=request.headers.get("content-type", ""),
            length=int(request.headers.get("content-length", "0")),
            repr_digest=request.headers.get("repr-digest"),
        )
    except ClientDisconnect:
        raise UploadBroken("cut_off", "上传中断", "the upload was cut off") from None
    return arrival


@dataclass(frozen=True)
class OpenFile:
    object_key: str
    headers: dict[str, str]


async def upload_file(
    actor: Uploader,
    arrival: Annotated[Arrival, Depends(receive_upload)],
    outcome: Outcome,
    response: Response,
) -> FileOut:
    """Upload one file: pdf, ofd, png, jpg, webp, tiff, docx, xlsx, mp4 or txt, up to 50 MiB."""
    # The body is gone; its name and checksum stand for it in the fingerprint of the request's key.
    content = f"{arrival.name}\n{arrival.sha256.hex()}".encode()
    session = await outcome.begin(actor, content=content)
    stored = await usecases.keep_file(session, actor, arrival)
    response.headers["Location"] = f"/api/v1/files/{stored.file_id}"
    # Staff too get the stored answer to a repeat: it says what was sent, and nothing of others.
    return FileOut(
        file_id=stored.file_id,
        name=arrival.name,
        size=stored.size,
        media_type=stored.media_type,
        sha256=stored.sha256.hex(),
    )


def file_routes(*, find_access: FindAccess, record_access: RecordAccess) -> APIRouter:
    """The routes, with what only the rooms above can decide."""
    router = APIRouter(route_class=TransactionRoute, prefix="/api/v1/files", tags=["files"])
    staged = APIRouter(route_class=StagedRoute, prefix="/api/v1/files", tags=["files"])
    staged.post(
        "",
        status_code=201,
        max_body_size=MAX_UPLOAD_BYTES,
        openapi_extra=_BODY,
        responses=_UPLOAD_PROBLEMS,
    )(upload_file)

    async def opened(file_id: UUID, actor: SignedIn, session: WriteSession) -> OpenFile:
        stored = await usecases.open_file(
            session, actor, file_id, find_access=find_access, record_access=record_access
        )
        name = process_of(session).vault.decrypt(stored.name)
        return OpenFile(stored.object_key, _headers(stored, name))

    file_router = APIRouter(route_class=TransactionRoute, prefix="/{file_id}")

    @file_router.get("", response_class=Response, responses=_CONTENT | _READ_PROBLEMS)
    async def read_file(request: Request, file: Annotated[OpenFile, Depends(opened)]) -> Response:
        """The content, for its uploader, the parties and the staff who may see the case."""
        if _is_current(request, file.headers["ETag"]):
            return _unchanged(file.headers)
        process: Process = request.app.state.process
        return StoredContent(process.files.get(file.object_key), file.headers)

    @file_router.head("", response_class=Response, responses=_CONTENT | _READ_PROBLEMS)
    async def describe_file(
        request: Request, file: Annotated[OpenFile, Depends(opened)]
    ) -> Response:
        """Size, type, checksum and name without the content."""
        if _is_current(request, file.headers["ETag"]):
            return _unchanged(file.headers)
        return Response(headers=file.headers)

    router.include_router(file_router)
    both = APIRouter(route_class=TransactionRoute)
    both.include_router(staged)
    both.include_router(router)
    return both


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


def _is_current(request: Request, tag: str) -> bool:
    held = request.headers.get("if-none-match", "")
    return bool({part.strip().removeprefix("W/") for part in held.split(",")} & {tag, "*"})


def _unchanged(headers: dict[str, str]) -> Response:
    return Response(
        status_code=304, headers={name: headers[name] for name in ("ETag", "Cache-Control")}
    )
