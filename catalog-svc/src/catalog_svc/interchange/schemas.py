"""An import as its importer reads it."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from catalog_svc.interchange.models import ImportJob


class ImportOut(BaseModel):
    """The rejected rows are listed at the link `errors`."""

    import_id: UUID
    status: Literal["queued", "running", "finished", "failed"]
    format: Literal["csv", "xlsx", "jsonl"]
    filename: str
    dry_run: bool
    total: int
    processed: int
    created: int
    changed: int
    unchanged: int
    rejected: int
    failure: str | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    links: dict[str, str]


class RejectionOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    line: int
    column: str | None
    reason_zh: str
    reason_en: str
    row: dict[str, Any]


def import_out(job: ImportJob) -> ImportOut:
    self = f"/api/v1/catalog/imports/{job.import_id}"
    columns = {name: getattr(job, name) for name in ImportOut.model_fields if name != "links"}
    links = {"self": self, "errors": f"{self}/errors"}
    return ImportOut.model_validate({**columns, "links": links})
