"""What several shapes share: moments, names, links, special procedures."""

from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, BaseModel

from case_svc.views.queries.detail import IntervalRow

# Moments that were computed may still be in Shanghai's time.
Moment = Annotated[datetime, AfterValidator(lambda moment: moment.astimezone(UTC))]


class NamedOut(BaseModel):
    code: str
    name: str | None


class IntervalOut(BaseModel):
    """A special procedure; the day it starts on is counted, the days after it are not."""

    procedure_id: UUID
    kind: str
    reason: str
    expected_days: int
    started_at: Moment
    ended_at: Moment | None
    result: str | None


def interval_out(interval: IntervalRow) -> IntervalOut:
    return IntervalOut(procedure_id=interval.interval_id, **interval._asdict())


def links_of(case_id: UUID, item_id: UUID) -> dict[str, str]:
    """Where to read on about a case."""
    path = f"/api/v1/cases/{case_id}"
    return {
        "self": path,
        "timeline": f"{path}/timeline",
        "clock": f"{path}/clock",
        "item": f"/api/v1/items/{item_id}",
    }


def action_links(
    actions: list[str],
    case_id: UUID,
    item_id: UUID,
    task_id: UUID | None = None,
    procedure_id: UUID | None = None,
) -> dict[str, str]:
    """Beside where to read on, where each action is: below the case, its task or its procedure."""
    links = links_of(case_id, item_id)
    case, task = links["self"], f"/api/v1/tasks/{task_id}"
    places = {name: f"{task}/{name}" for name in ("claim", "release", "transfer")}
    if procedure_id is not None:
        places["end"] = f"{case}/special-procedures/{procedure_id}/end"
    return links | {action: places.get(action, f"{case}/{action}") for action in actions}
