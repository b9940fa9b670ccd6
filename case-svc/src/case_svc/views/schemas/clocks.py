"""The clocks of a case as they are shown."""

from datetime import date
from uuid import UUID

from pydantic import BaseModel, Field

from case_svc.clocks.rules.legal_time import ClockKind, shanghai
from case_svc.settings import LEGAL_BASIS
from case_svc.views.schemas.case import IntervalOut, Moment, interval_out, links_of
from case_svc.views.usecases.clock import TimingView

_BASIS = {
    ClockKind.NOTIFY: LEGAL_BASIS["notify_days"],
    ClockKind.CORRECTION: LEGAL_BASIS["correction_days"],
    ClockKind.LEGAL: LEGAL_BASIS["decision_days"],
    ClockKind.PROMISE: "办事指南载明的承诺办结时限",
    ClockKind.DELIVERY: LEGAL_BASIS["delivery_days"],
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


def timing_out(view: TimingView) -> TimingOut:
    case = view.timed.case
    return TimingOut(
        case_id=case.case_id,
        status=case.status,
        clocks=[
            ClockOut(
                **clock.clock._asdict(),
                started_on=shanghai(clock.clock.started_at),
                running=clock.running,
                overdue=clock.overdue,
                counted=clock.counted,
                left=clock.left,
                legal_basis=_BASIS[ClockKind(clock.clock.kind)],
            )
            for clock in view.clocks
        ],
        intervals=[interval_out(interval) for interval in view.timed.intervals],
        legal_basis=dict(LEGAL_BASIS),
        links=links_of(case.case_id, case.item_id),
    )
