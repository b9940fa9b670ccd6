"""Import and export of item lists and guides."""

import asyncio
from typing import Annotated, Final, Literal
from uuid import UUID

from fastapi import APIRouter, File, Form, Query, Response, UploadFile
from fastapi.responses import StreamingResponse

from catalog_svc.interchange import queries, usecases
from catalog_svc.interchange.errors import (
    GuidesByPlatformOnly,
    ImportNotFound,
    UnknownFormat,
    UnreadableFile,
)
from catalog_svc.interchange.rules import sheets
from catalog_svc.interchange.schemas import ImportOut, RejectionOut, import_out
from chassis.auth import DepartmentAdmin, Staff
from chassis.database.sessions import ReadSession, WriteSession, process_of
from chassis.errors import TooLarge
from chassis.http.route import TransactionRoute
from chassis.pagination import Page, PageQuery, page_of
from chassis.problems import problems

LARGEST_FILE: Final = 32 * 1024 * 1024

router = APIRouter(
    route_class=TransactionRoute, prefix="/api/v1/catalog", tags=["catalogue: import and export"]
)


@router.post(
    "/imports",
    status_code=202,
    max_body_size=LARGEST_FILE,
    responses=problems(GuidesByPlatformOnly, UnknownFormat, UnreadableFile, TooLarge),
)
async def start_import(
    file: Annotated[UploadFile, File(description="CSV, XLSX (item list) or JSONL (whole guides)")],
    response: Response,
    actor: DepartmentAdmin,
    session: WriteSession,
    dry_run: Annotated[bool, Query(description="Read and compare, write nothing")] = False,
    dry_run_field: Annotated[bool, Form(alias="dry_run")] = False,
) -> ImportOut:
    """Begin an import; its links lead to its progress and its rejected rows."""
    filename = file.filename or ""
    file_format = sheets.format_of(filename, file.content_type)
    usecases.ensure_may_import(actor, file_format)
    lines = await asyncio.to_thread(sheets.read, await file.read(), file_format)
    job = await usecases.queue_import(
        session,
        actor,
        lines,
        file_format=file_format,
        filename=filename[:200],
        dry_run=dry_run or dry_run_field,
    )
    started = import_out(job)
    response.headers["Location"] = started.links["self"]
    response.headers["Content-Location"] = started.links["self"]
    return started


@router.get("/imports")
async def list_imports(
    actor: DepartmentAdmin, session: ReadSession, page: PageQuery
) -> Page[ImportOut]:
    """Imports, newest first; an administrator of a department sees his own."""
    window = await queries.jobs_page(session, actor, page)
    return page_of(window, [import_out(job) for job in window.rows])


@router.get("/imports/{import_id}", responses=problems(ImportNotFound))
async def read_import(import_id: UUID, actor: DepartmentAdmin, session: ReadSession) -> ImportOut:
    """Progress and counts of the import."""
    return import_out(await queries.get_job(session, actor, import_id))


@router.get("/imports/{import_id}/errors", responses=problems(ImportNotFound))
async def list_import_errors(
    import_id: UUID, actor: DepartmentAdmin, session: ReadSession, page: PageQuery
) -> Page[RejectionOut]:
    """The rejected rows by line, each with its reason."""
    job = await queries.get_job(session, actor, import_id)
    window = await queries.rejections_page(session, job, page)
    return page_of(window, [RejectionOut.model_validate(row) for row in window.rows])


@router.get(
    "/export",
    response_class=StreamingResponse,
    responses={200: {"content": {"text/csv": {}, "application/jsonl": {}}}},
)
async def export_items(
    _actor: Staff,
    session: ReadSession,
    format: Annotated[Literal["csv", "jsonl"], Query()] = "csv",  # noqa: A002 - the contract's word
) -> StreamingResponse:
    """The public catalogue: `csv` the item list, `jsonl` every published guide."""
    # The request's session ends before the body is sent, so the export opens its own.
    process = process_of(session)
    content = usecases.export_rows(process) if format == "csv" else usecases.export_guides(process)
    media_type = "text/csv; charset=utf-8" if format == "csv" else "application/jsonl"
    name = f'attachment; filename="items.{format}"'
    return StreamingResponse(content, media_type=media_type, headers={"Content-Disposition": name})
