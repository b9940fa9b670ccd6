"""Import item lists and guides, chunk by chunk, and export them again."""

import time
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any, Final

import structlog
from sqlalchemy.exc import InterfaceError, OperationalError

from catalog_svc.interchange import queries
from catalog_svc.interchange.errors import GuidesByPlatformOnly
from catalog_svc.interchange.models import ImportChunk, ImportJob, ImportRejection
from catalog_svc.interchange.rules import writing
from catalog_svc.interchange.rules.rows import RowFault
from catalog_svc.interchange.rules.sheets import Format, Line
from catalog_svc.items.rules.gaps import Gap
from catalog_svc.items.usecases.drafting import NewItem
from catalog_svc.items.usecases.listing import department_of, list_items, publish_imported
from chassis import clock
from chassis.auth import Actor
from chassis.database.sessions import WriteSession
from chassis.process import Process

CHUNK: Final = {"csv": 100, "xlsx": 100, "jsonl": 10}
TURN_SECONDS: Final = 0.5
_EXPORTED_AT_ONCE: Final = 200
_SHOWN_GAPS: Final = 20
# Outcomes that are counts of the job by the same name; any other rejects the line.
COUNTED: Final = frozenset({"created", "changed", "unchanged"})
_FAULTS: Final = {
    "cancelled": RowFault(
        "item_code", "该事项已取消，不再列入", "the item is cancelled and stays cancelled"
    ),
    "foreign": RowFault(
        "department_code", "只能导入本部门的事项", "only items of your own department"
    ),
}

# The database cannot be reached; the next turn tries again.
_UNREACHABLE: Final = (InterfaceError, OperationalError)

log = structlog.get_logger()


def ensure_may_import(actor: Actor, file_format: Format) -> None:
    if file_format == "jsonl" and department_of(actor) is not None:
        raise GuidesByPlatformOnly


async def queue_import(
    session: WriteSession,
    actor: Actor,
    lines: Sequence[Line],
    *,
    file_format: Format,
    filename: str,
    dry_run: bool,
) -> ImportJob:
    """Store the rows in chunks, and a job that the next turn of `run_imports` begins."""
    job = ImportJob(
        import_id=clock.new_id(),
        format=file_format,
        filename=filename,
        dry_run=dry_run,
        status="queued",
        actor_id=actor.id,
        department=department_of(actor),
        total=len(lines),
    )
    session.add(job)
    await session.flush()
    size = CHUNK[file_format]
    for number, start in enumerate(range(0, len(lines), size)):
        content = [line.as_json() for line in lines[start : start + size]]
        session.add(ImportChunk(import_id=job.import_id, number=number, lines=content))
    await session.flush()
    return job


async def run_imports(
    session: WriteSession, *, timer: Callable[[], float] = time.monotonic
) -> None:
    """One turn: chunks of the oldest import until the turn's time is up, then a commit."""
    end = timer() + TURN_SECONDS
    while timer() < end:
        job = await queries.next_job(session)
        if job is None:
            return
        await take_chunk(session, job)
        if job.status != "running":
            return


async def take_chunk(session: WriteSession, job: ImportJob) -> None:
    """Apply the next chunk; a job that cannot go on is marked as failed and blocks no other."""
    job.status, job.started_at = "running", job.started_at or clock.now()
    try:
        async with session.begin_nested():
            chunk = await queries.chunk(session, job)
            await _apply_chunk(session, job, chunk.lines)
            job.processed += len(chunk.lines)
            await session.delete(chunk)
    except _UNREACHABLE:
        raise
    except Exception as error:
        await session.refresh(job)
        log.exception("import_failed", import_id=str(job.import_id), exc_info=error)
        job.status, job.failure = "failed", type(error).__name__
    else:
        job.next_chunk += 1
        job.status = "finished" if job.processed >= job.total else "running"
    if job.status != "running":
        job.finished_at = clock.now()
    await session.flush()


async def _apply_chunk(
    session: WriteSession, job: ImportJob, lines: Sequence[dict[str, Any]]
) -> None:
    """All lines at once; when that fails, each line alone, so that only bad lines are rejected."""
    error = await _try(session, job, lines)
    if error is None:
        return
    log.error("import_chunk_failed", import_id=str(job.import_id), exc_info=error)
    for line in lines:
        error = await _try(session, job, [line])
        if error is not None:
            kind = type(error).__name__
            fault = RowFault(None, f"无法写入（{kind}）", f"cannot be stored ({kind})")
            _reject(session, job, line, fault)


async def _try(
    session: WriteSession, job: ImportJob, lines: Sequence[dict[str, Any]]
) -> Exception | None:
    """Apply the lines in a savepoint; returns the error that rolled it back."""
    try:
        async with session.begin_nested():
            await _apply(session, job, lines)
    except _UNREACHABLE:
        raise
    except Exception as error:  # noqa: BLE001 - the caller reports it
        await session.refresh(job)  # the savepoint has undone its counts
        return error
    return None


async def _apply(session: WriteSession, job: ImportJob, lines: Sequence[dict[str, Any]]) -> None:
    readable = [line for line in lines if line["content"] is not None]
    if job.format == "jsonl":
        outcomes = [
            await publish_imported(session, job.actor_id, line["content"], dry_run=job.dry_run)
            for line in readable
        ]
    else:
        rows = [NewItem(**line["content"], region_name=None) for line in readable]
        outcomes = await list_items(
            session, job.actor_id, rows, department=job.department, dry_run=job.dry_run
        )
    for line in lines:
        if line["content"] is None:
            _reject(session, job, line, RowFault(**line["fault"]))
    for line, result in zip(readable, outcomes, strict=True):
        if result.outcome in COUNTED:
            setattr(job, result.outcome, getattr(job, result.outcome) + 1)
        else:
            _reject(session, job, line, _FAULTS.get(result.outcome) or _incomplete(result.gaps))


def _incomplete(gaps: Sequence[Gap]) -> RowFault:
    shown = gaps[:_SHOWN_GAPS]
    return RowFault(
        gaps[0].pointer,
        "办事指南未通过发布检查：" + "；".join(f"{gap.pointer} {gap.zh}" for gap in shown),
        "the guide does not pass the publication checks: "
        + "; ".join(f"{gap.pointer} {gap.en}" for gap in shown),
    )


def _reject(session: WriteSession, job: ImportJob, line: dict[str, Any], fault: RowFault) -> None:
    # PostgreSQL's jsonb refuses the null character; everything else is stored as it came.
    row = {key: str(value or "").replace("\x00", "\ufffd") for key, value in line["raw"].items()}
    job.rejected += 1
    session.add(
        ImportRejection(
            import_id=job.import_id,
            line=line["line"],
            column=fault.column,
            reason_zh=fault.zh,
            reason_en=fault.en,
            row=row,
        )
    )


async def export_rows(process: Process) -> AsyncIterator[str]:
    """The public list in the columns that an import reads; each page is a transaction."""
    yield writing.csv_header()
    async for items, _ in _pages(process, guides=False):
        yield writing.csv_rows(items)


async def export_guides(process: Process) -> AsyncIterator[str]:
    """Every published guide, one JSON object per line, as an import reads it."""
    async for _, guides in _pages(process, guides=True):
        yield writing.json_lines(guides)


async def _pages(process: Process, *, guides: bool) -> AsyncIterator[tuple[Any, Any]]:
    after = None
    while True:
        async with process.read_sessions() as session:
            items = await queries.exported_rows(session, after, _EXPORTED_AT_ONCE)
            published = await queries.exported_guides(session, items) if guides and items else {}
        if not items:
            return
        yield items, [published[item.item_id] for item in items if item.item_id in published]
        after = items[-1].item_id
