"""Clocks, timeline, tasks and the calendar as they are shown."""

from datetime import date, datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

from pydantic import BaseModel, Field

from case_svc.cases import clock
from case_svc.cases.models import CalendarDay, CalendarYear, CaseEntry
from case_svc.cases.schemas.shapes import IntervalOut, Moment, NamedOut, named
from case_svc.cases.schemas.showing import action_links, intervals_out, standing_links
from case_svc.cases.usecases.queue import Shown
from case_svc.cases.usecases.timing import ClockView, Timing
from case_svc.settings import LEGAL_BASIS

_BASIS = {
    "notify": LEGAL_BASIS["notify_days"],
    "correction": LEGAL_BASIS["correction_days"],
    "legal": LEGAL_BASIS["decision_days"],
    "promise": "办事指南载明的承诺办结时限",
    "delivery": LEGAL_BASIS["delivery_days"],
}


class ClockOut(BaseModel):
    """`due_at` is the first moment that is too late."""

    kind: str = Field(description="notify, correction, legal, promise or delivery")
    value: int
    unit: str
    extension: int = Field(description="Working days added")
    started_at: Moment
    started_on: date
    due_on: date
    due_at: Moment
    stopped_at: Moment | None
    running: bool
    overdue: bool
    counted: int = Field(description="Working days counted so far")
    left: int = Field(description="Working days left; negative when overdue")
    provisional: bool = Field(description="Reaches a year without an official calendar")
    calendar: str = Field(description="Calendar versions, year:version; 0 is provisional")
    legal_basis: str


class TimingOut(BaseModel):
    case_id: UUID
    status: str
    clocks: list[ClockOut]
    intervals: list[IntervalOut]
    legal_basis: dict[str, str]
    links: dict[str, str]


class EntryOut(BaseModel):
    """A line of the history; `officer` only for colleagues."""

    at: Moment
    action: str
    from_status: str | None
    status: str
    step: str | None
    by: str
    department: str | None
    post: str | None
    officer: str | None
    note: str | None


class TaskOut(BaseModel):
    """A line of the queue; its moments come from rows, which are in UTC."""

    task_id: UUID
    case_id: UUID
    case_no: str
    item_name: str
    case_status: str
    step: str
    stage: str
    name: str
    post: str | None
    department: NamedOut
    region_code: str
    checks: list[dict[str, Any]]
    status: str
    holder_id: UUID | None
    opened_at: datetime
    claimed_at: datetime | None
    due_on: date
    due_at: datetime
    light: str
    done_at: datetime | None
    outcome: str | None
    note: str | None
    actions: list[str]
    links: dict[str, str]


class DayOut(BaseModel):
    date: date
    is_workday: bool
    name: str | None


class CalendarOut(BaseModel):
    """`provisional`: there is no official calendar of this year yet; weekends were computed."""

    year: int
    version: int
    provisional: bool
    source: str | None
    workdays: int
    days: list[DayOut]


def timing_out(timing: Timing) -> TimingOut:
    return TimingOut(
        case_id=timing.case.case_id,
        status=timing.case.status,
        clocks=[_clock(one) for one in timing.clocks],
        intervals=intervals_out(timing.intervals),
        legal_basis=dict(LEGAL_BASIS),
        links=standing_links(timing.case),
    )


def entry_out(entry: CaseEntry, officers: dict[UUID, str]) -> EntryOut:
    return EntryOut(
        at=entry.at,
        action=entry.action,
        from_status=entry.from_status,
        status=entry.to_status,
        step=entry.step,
        by=entry.actor_kind,
        department=entry.department,
        post=entry.post,
        officer=officers.get(entry.actor_id) if entry.actor_id else None,
        note=entry.note,
    )


@lru_cache(maxsize=4096)
def task_line(shown: Shown) -> bytes:
    """`task_out` of a line of the queue, as JSON; kept, for a line cannot change."""
    one = task_out(shown)
    return one.__pydantic_serializer__.to_json(one)


def task_out(shown: Shown) -> TaskOut:
    task, case, actions = shown.task, shown.case, shown.actions
    assert case.case_no is not None
    here = f"/api/v1/tasks/{task.task_id}"
    links = action_links(case, [one for one in actions if one != "end"]) | {
        one: f"{here}/{one}" for one in ("claim", "release", "transfer") if one in actions
    }
    same = task.department_code == case.department_code
    return TaskOut(
        task_id=task.task_id,
        case_id=case.case_id,
        case_no=case.case_no,
        item_name=case.item_name,
        case_status=case.status,
        step=task.step,
        stage=task.stage,
        name=task.name,
        post=task.post,
        department=named(task.department_code, case.department_name if same else None),
        region_code=task.region_code,
        checks=task.checks,
        status=task.status,
        holder_id=task.holder_id,
        opened_at=task.opened_at,
        claimed_at=task.claimed_at,
        due_on=task.due_on,
        due_at=task.due_at,
        light=str(shown.light),
        done_at=task.done_at,
        outcome=task.outcome,
        note=task.note,
        actions=list(actions),
        links=links,
    )


def calendar_out(year: int, known: CalendarYear | None, days: list[CalendarDay]) -> CalendarOut:
    shown = [DayOut(date=one.day, is_workday=one.is_workday, name=one.name) for one in days]
    if known is None:
        shown = [
            DayOut(date=day, is_workday=working, name=None)
            for day, working in clock.provisional_year(year)
        ]
    return CalendarOut(
        year=year,
        version=known.version if known else 0,
        provisional=known is None,
        source=known.source if known else None,
        workdays=sum(one.is_workday for one in shown),
        days=shown,
    )


def _clock(view: ClockView) -> ClockOut:
    one = view.clock
    return ClockOut(
        kind=one.kind,
        value=one.value,
        unit=one.unit,
        extension=one.extension,
        started_at=one.started_at,
        started_on=clock.shanghai(one.started_at),
        due_on=one.due_on,
        due_at=one.due_at,
        stopped_at=one.stopped_at,
        running=view.running,
        overdue=view.overdue,
        counted=view.counted,
        left=view.left,
        provisional=one.provisional,
        calendar=one.calendar,
        legal_basis=_BASIS[one.kind],
    )
