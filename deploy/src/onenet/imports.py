"""Import item lists, guides and divisions through the API."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from onenet.client import Network, promised
from onenet.console import Bar
from onenet.failures import Unexpected

REGION_BATCH: Final = 500
POLL_SECONDS: Final = 0.2
STILL_SECONDS: Final = 120
PAGE: Final = 100
MEDIA_TYPES: Final = {
    "csv": "text/csv",
    "jsonl": "application/jsonl",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


@dataclass(frozen=True)
class Rejection:
    line: int
    reason: str


@dataclass(frozen=True)
class Outcome:
    total: int
    created: int
    changed: int
    unchanged: int
    rejected: Sequence[Rejection]


def start_items(network: Network, name: str, content: bytes, *, dry_run: bool) -> dict[str, Any]:
    """Upload the list; returns the import job."""
    media_type = MEDIA_TYPES.get(name.rpartition(".")[2].lower(), "application/octet-stream")
    answer = network.send(
        "POST",
        "/api/v1/catalog/imports",
        params={"dry_run": str(dry_run).lower()},
        files={"file": (name, content, media_type)},
    )
    job: dict[str, Any] = promised(answer, 202).json()
    return job


def finish_items(network: Network, job: dict[str, Any], bar: Bar) -> Outcome:
    """Wait for the end of the job."""
    path = job["links"]["self"]
    moved = time.monotonic()
    processed = 0
    while job["status"] in ("queued", "running"):
        if job["processed"] != processed:
            processed, moved = job["processed"], time.monotonic()
        if time.monotonic() - moved > STILL_SECONDS:
            raise Unexpected(
                f"The import stands still at {processed} of {job['total']} rows; it goes on when"
                f" the catalogue's worker does: see {path}."
            )
        bar.reach(processed)
        time.sleep(POLL_SECONDS)
        job = network.get(path)
    bar.reach(job["processed"])
    if job["status"] == "failed":
        raise Unexpected(f"The import failed after {job['processed']} rows: {job['failure']}.")
    rejected = list(_rejections(network, job["links"]["errors"])) if job["rejected"] else []
    return Outcome(job["total"], job["created"], job["changed"], job["unchanged"], rejected)


def _rejections(network: Network, path: str) -> Iterator[Rejection]:
    after: dict[str, str] = {}
    while True:
        page = network.get(path, params={"limit": str(PAGE), **after})
        for row in page["data"]:
            column = f"{row['column']}: " if row["column"] else ""
            yield Rejection(row["line"], f"{column}{row['reason_zh']} ({row['reason_en']})")
        if page["next"] is None:
            return
        after = {"after": page["next"]}


def import_regions(
    network: Network, rows: Sequence[dict[str, str]], bar: Bar, *, dry_run: bool
) -> Outcome:
    """Import divisions in batches; a row that cannot be read does not stop the others."""
    counts = {"created": 0, "changed": 0, "unchanged": 0}
    rejected: list[Rejection] = []
    for start in range(0, len(rows), REGION_BATCH):
        batch = rows[start : start + REGION_BATCH]
        report = network.post(
            "/api/v1/orgs/regions/imports",
            batch,
            status=200,
            params={"dry_run": str(dry_run).lower()},
        )
        for name in counts:
            counts[name] += report[name]
        rejected += [
            Rejection(start + error["index"] + 1, f"{error['code']}: {error['reason']}")
            for error in report["errors"]
        ]
        bar.advance(len(batch))
    return Outcome(len(rows), **counts, rejected=rejected)
