"""Take in item lists and guides, chunk by chunk, and give them out again."""

import time
from collections.abc import AsyncIterator, Sequence
from typing import Any, Final

import structlog
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.ext.asyncio import AsyncSession

from catalog_svc.interchange import queries
from catalog_svc.interchange.errors import GuidesByPlatformOnly
from catalog_svc.interchange.models import ImportChunk, ImportJob, ImportRejection
from catalog_svc.interchange.rules import writing
from catalog_svc.interchange.rules.rows import RowFault
from catalog_svc.interchange.rules.sheets import Format, Line
from catalog_svc.items.rules.gaps import Gap
from catalog_svc.items.usecases.drafting import NewItem
from catalog_svc.items.usecases.listing import (
    GuideOutcome,
    Outcome,
    department_of,
    list_items,
    publish_imported,
)
from chassis import clock
from chassis.auth import Actor
from chassis.settings import Context

CHUNK: Final = {"csv": 100, "xlsx": 100, "jsonl": 10}
TURN_SECONDS: Final = 0.5
_EXPORTED_AT_ONCE: Final = 200
_SHOWN_GAPS: Final = 20
_FAULTS: Final = {
    "cancelled": RowFault(
        "item_code", "该事项已取消，不再列入", "the item is cancelled and stays so"
    ),
    "foreign": RowFault(
        "department_code", "只能导入本部门的事项", "only items of your own department"
    ),
}

# The database is away; the next turn tries again.
_AWAY: Final = (InterfaceError, OperationalError)

log = structlog.get_logger()


def ensure_may_import(actor: Actor, file_format: Format) -> None:
    if file_format == "jsonl" and department_of(actor) is not None:
        raise GuidesByPlatformOnly


async def queue_import(
    session: AsyncSession,
    actor: Actor,
    lines: Sequence[Line],
    *,
    file_format: Format,
    filename: str,
    dry_run: bool,
) -> ImportJob:
    """Keep the rows and a job that the next turn of `run_imports` begins."""
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


async def run_imports(session: AsyncSession) -> None:
    """A turn: some chunks of the oldest import, then commit so that progress shows."""
    started = time.monotonic()
    while time.monotonic() - started < TURN_SECONDS:
        job = await queries.next_job(session)
        if job is None:
            return
        await _take_chunk(session, job)
        if job.status != "running":
            return


async def _take_chunk(session: AsyncSession, job: ImportJob) -> None:
    job.status, job.started_at = "running", job.started_at or clock.now()
    try:
        async with session.begin_nested():
            chunk = await queries.chunk(session, job)
            await _apply_chunk(session, job, chunk.lines)
            job.processed += len(chunk.lines)
            await session.delete(chunk)
    except _AWAY:
        raise
    except Exception as error:  # a job that cannot go on says so instead of blocking others
        await session.refresh(job)
        log.exception("import_failed", import_id=str(job.import_id), exc_info=error)
        _finish(job, "failed", failure=type(error).__name__)
        return
    job.next_chunk += 1
    if job.processed >= job.total:
        _finish(job, "finished")
    await session.flush()


def _finish(job: ImportJob, status: str, *, failure: str | None = None) -> None:
    job.status, job.failure, job.finished_at = status, failure, clock.now()


async def _apply_chunk(
    session: AsyncSession, job: ImportJob, lines: Sequence[dict[str, Any]]
) -> None:
    """All lines at once; when that fails, one by one, so that only the bad ones stay out."""
    try:
        async with session.begin_nested():
            await _apply(session, job, lines)
    except _AWAY:
        raise
    except Exception as error:  # a line may fail in ways nobody foresaw
        await session.refresh(job)  # the savepoint took its counts back
        log.exception("import_chunk_failed", import_id=str(job.import_id), exc_info=error)
    else:
        return
    for line in lines:
        await _apply_alone(session, job, line)


async def _apply_alone(session: AsyncSession, job: ImportJob, line: dict[str, Any]) -> None:
    try:
        async with session.begin_nested():
            await _apply(session, job, [line])
    except _AWAY:
        raise
    except Exception as error:  # noqa: BLE001 - its kind is told to the importer
        await session.refresh(job)
        kind = type(error).__name__
        _reject(
            session, job, line, RowFault(None, f"无法写入（{kind}）", f"cannot be stored ({kind})")
        )


async def _apply(session: AsyncSession, job: ImportJob, lines: Sequence[dict[str, Any]]) -> None:
    good = [line for line in lines if line["content"] is not None]
    for line in lines:
        if line["content"] is None:
            _reject(session, job, line, RowFault(**line["fault"]))
    if job.format == "jsonl":
        await _apply_guides(session, job, good)
    else:
        await _apply_rows(session, job, good)


async def _apply_rows(
    session: AsyncSession, job: ImportJob, lines: Sequence[dict[str, Any]]
) -> None:
    rows = [NewItem(**line["content"], region_name=None) for line in lines]
    outcomes = await list_items(
        session, job.actor_id, rows, department=job.department, dry_run=job.dry_run
    )
    for line, outcome in zip(lines, outcomes, strict=True):
        _count(session, job, line, outcome)


async def _apply_guides(
    session: AsyncSession, job: ImportJob, lines: Sequence[dict[str, Any]]
) -> None:
    for line in lines:
        found = await publish_imported(session, job.actor_id, line["content"], dry_run=job.dry_run)
        _count(session, job, line, found.outcome, found)


def _count(
    session: AsyncSession,
    job: ImportJob,
    line: dict[str, Any],
    outcome: Outcome,
    found: GuideOutcome | None = None,
) -> None:
    if outcome == "created":
        job.created += 1
    elif outcome == "changed":
        job.changed += 1
    elif outcome == "unchanged":
        job.unchanged += 1
    else:
        _reject(
            session, job, line, _FAULTS.get(outcome) or _incomplete(found.gaps if found else ())
        )


def _incomplete(gaps: Sequence[Gap]) -> RowFault:
    shown = gaps[:_SHOWN_GAPS]
    return RowFault(
        gaps[0].pointer if gaps else None,
        "办事指南未通过发布检查：" + "；".join(f"{gap.pointer} {gap.zh}" for gap in shown),
        "the guide does not pass the publication checks: "
        + "; ".join(f"{gap.pointer} {gap.en}" for gap in shown),
    )


def _reject(session: AsyncSession, job: ImportJob, line: dict[str, Any], fault: RowFault) -> None:
    job.rejected += 1
    session.add(
        ImportRejection(
            import_id=job.import_id,
            line=line["line"],
            column=fault.column,
            reason_zh=fault.zh,
            reason_en=fault.en,
            row=_storable(line["raw"]),
        )
    )


def _storable(raw: dict[str, Any]) -> dict[str, Any]:
    # PostgreSQL's jsonb refuses the null character; everything else is kept as it came.
    return {key: str(value or "").replace("\x00", "\ufffd") for key, value in raw.items()}


async def export_rows(here: Context) -> AsyncIterator[str]:
    """The public list in the columns an import reads, a short transaction per page of it."""
    yield writing.csv_header()
    async for items, _ in _pages(here, guides=False):
        yield writing.csv_rows(items)


async def export_guides(here: Context) -> AsyncIterator[str]:
    """Every published guide, one JSON object per line, as an import reads it."""
    async for _, guides in _pages(here, guides=True):
        yield writing.json_lines(guides)


async def _pages(here: Context, *, guides: bool) -> AsyncIterator[tuple[Any, Any]]:
    after = None
    while True:
        async with here.reading() as session:
            items = await queries.exported_rows(session, after, _EXPORTED_AT_ONCE)
            found = await queries.exported_guides(session, items) if guides and items else {}
        if not items:
            return
        yield items, [found[item.item_id] for item in items if item.item_id in found]
        after = items[-1].item_id
