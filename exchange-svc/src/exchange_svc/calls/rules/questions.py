"""The questions that departments' systems ask, and when their quota is renewed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta, tzinfo
from typing import Any, Final
from uuid import UUID

LIVE: Final = frozenset(
    {
        "submitted",
        "correction_required",
        "accepted",
        "in_review",
        "suspended",
        "decided",
        "certifying",
        "delivering",
    }
)


@dataclass(frozen=True)
class Question:
    """One subject of one live case; exactly one of the three numbers names the subject."""

    resource_code: str
    case_no: str
    purpose: str
    fields: tuple[str, ...]
    id_number: str | None = None
    uscc: str | None = None
    certificate_code: str | None = None


@dataclass(frozen=True)
class RecordRequest:
    """The records that the source behind a resource is asked for."""

    provider_code: str
    certificate_type: str
    person_id: UUID
    company_id: UUID | None
    certificate_code: str | None


def select_fields(fields: Sequence[str], record: Mapping[str, Any]) -> dict[str, Any]:
    """The named fields of the record; those that it does not have are left out."""
    return {name: record[name] for name in fields if name in record}


def seconds_to_midnight(moment: datetime, zone: tzinfo) -> int:
    local = moment.astimezone(zone)
    midnight = datetime.combine(local.date() + timedelta(days=1), time(), zone)
    return max(1, int((midnight - local).total_seconds()))
