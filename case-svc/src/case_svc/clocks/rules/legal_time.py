"""Legal time: working days, suspensions, extensions, due moments. Dates are Asia/Shanghai dates.

The first day is not counted (民法典 201 §1); periods of authorities are working days (行政许可法
82); a period in calendar days or months that would end on a rest day ends on the next working day
(民法典 203 §1). A special procedure stops the clock for whole days. The day it starts on counts:
of the two readings the one kinder to the applicant's right to a fast decision. So a procedure from
Monday to Friday leaves out Tuesday to Friday. A year without an official calendar is computed with
weekends and the statutory days of fixed date, and the result is marked provisional.
"""

from calendar import monthrange
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta, timezone
from enum import StrEnum
from typing import Final, Protocol

CHINA: Final = timezone(timedelta(hours=8))
DAY: Final = timedelta(days=1)
_SATURDAY: Final = 5
_FIXED_HOLIDAYS: Final = frozenset({(1, 1), (5, 1), (5, 2), (10, 1), (10, 2), (10, 3)})


class Unit(StrEnum):
    WORKING_DAY = "working_day"
    CALENDAR_DAY = "calendar_day"
    MONTH = "month"
    HOUR = "hour"
    MINUTE = "minute"


class ClockKind(StrEnum):
    """Which period a clock of a case measures."""

    NOTIFY = "notify"
    CORRECTION = "correction"
    LEGAL = "legal"
    PROMISE = "promise"
    DELIVERY = "delivery"


# Special procedures stop these, and an extension lengthens them.
STOPPABLE: Final = frozenset({ClockKind.LEGAL, ClockKind.PROMISE})


class Light(StrEnum):
    GREEN = "green"
    YELLOW = "yellow"
    RED = "red"


@dataclass(frozen=True)
class Calendar:
    """`days` holds at least every day that deviates from the weekend rule in a covered year."""

    days: Mapping[date, bool]
    versions: Mapping[int, int] = field(default_factory=dict)

    def is_workday(self, day: date) -> bool:
        if day.year in self.versions:
            return self.days.get(day, day.weekday() < _SATURDAY)
        return day.weekday() < _SATURDAY and (day.month, day.day) not in _FIXED_HOLIDAYS

    def provisional(self, start: date, end: date) -> bool:
        """Whether a year between the two days, both included, has no official calendar."""
        return any(year not in self.versions for year in range(start.year, end.year + 1))

    def name(self, start: date, end: date) -> str:
        """The versions a result rests on, `2026:1,2027:0`; 0 is provisional."""
        years = range(start.year, end.year + 1)
        return ",".join(f"{year}:{self.versions.get(year, 0)}" for year in years)


@dataclass(frozen=True)
class Span:
    """Whole days, both included, that are not counted."""

    first: date
    last: date


@dataclass(frozen=True)
class Limit:
    value: int
    unit: Unit


@dataclass(frozen=True)
class Due:
    """`at` is the first moment that is too late: the day after `on` begins, or the hour set."""

    on: date
    at: datetime
    provisional: bool
    calendar: str


@dataclass(frozen=True)
class Tally:
    """Every day after the start, up to and including the end, is exactly one of these."""

    counted: int
    suspended: int
    rest: int


def shanghai(moment: datetime) -> date:
    """The legal date of a moment."""
    return moment.astimezone(CHINA).date()


def provisional_year(year: int) -> list[tuple[date, bool]]:
    """Every day of a year without an official calendar, and whether it is taken as a workday."""
    calendar, first = Calendar({}), date(year, 1, 1)
    days = [first + DAY * number for number in range((date(year, 12, 31) - first).days + 1)]
    return [(day, calendar.is_workday(day)) for day in days]


def end_of(day: date) -> datetime:
    """24:00 of the day in Shanghai."""
    return datetime.combine(day + DAY, time(), CHINA)


def excluded(started_on: date, ended_on: date) -> Span | None:
    """The days a special procedure takes out; none when it ends on the day it starts."""
    return Span(started_on + DAY, ended_on) if ended_on > started_on else None


class Procedure(Protocol):
    """What is read of a special procedure."""

    @property
    def started_at(self) -> datetime: ...
    @property
    def ended_at(self) -> datetime | None: ...
    @property
    def expected_days(self) -> int: ...


def spans_of(procedures: Iterable[Procedure]) -> list[Span]:
    """The days left out; a procedure under way is taken to last as long as announced."""
    spans = []
    for procedure in procedures:
        started_on = shanghai(procedure.started_at)
        announced = started_on + DAY * procedure.expected_days
        ended_on = shanghai(procedure.ended_at) if procedure.ended_at else announced
        spans.append(excluded(started_on, ended_on))
    return [span for span in spans if span is not None]


def merged(spans: Iterable[Span]) -> list[Span]:
    """The same days as intervals that neither overlap nor touch."""
    apart: list[Span] = []
    for span in sorted(spans, key=lambda span: span.first):
        if apart and span.first <= apart[-1].last + DAY:
            apart[-1] = Span(apart[-1].first, max(apart[-1].last, span.last))
        else:
            apart.append(span)
    return apart


def add_workdays(calendar: Calendar, start: date, count: int, spans: Iterable[Span] = ()) -> date:
    """The `count`-th working day after `start` that lies in no span; `start` when count is 0."""
    apart = merged(spans)
    day, left = start, count
    while left > 0:
        day = _leap(day + DAY, apart)
        if calendar.is_workday(day):
            left -= 1
    return day


def working_days(calendar: Calendar, start: date, end: date, spans: Iterable[Span] = ()) -> int:
    """Working days after `start`, up to and including `end`, that lie in no span."""
    return tally(calendar, start, end, spans).counted


def tally(calendar: Calendar, start: date, end: date, spans: Iterable[Span] = ()) -> Tally:
    apart = merged(spans)
    overlaps = (min(span.last, end) - max(span.first, start + DAY) + DAY for span in apart)
    suspended = sum(max(overlap.days, 0) for overlap in overlaps)
    days = (start + DAY * number for number in range(1, (end - start).days + 1))
    working = sum(1 for day in days if calendar.is_workday(day) and _leap(day, apart) == day)
    return Tally(working, suspended, max((end - start).days, 0) - suspended - working)


def remaining(calendar: Calendar, today: date, due_on: date, spans: Iterable[Span] = ()) -> int:
    """Working days left after today; negative when overdue."""
    if today <= due_on:
        return working_days(calendar, today, due_on, spans)
    return -working_days(calendar, due_on, today, spans)


def light(green_from: date, moment: datetime, due_on: date, due_at: datetime) -> Light:
    """Red when it is too late, yellow when fewer days are left than `green_from` asks for."""
    if moment >= due_at:
        return Light.RED
    return Light.YELLOW if due_on < green_from else Light.GREEN


def green_from(calendar: Calendar, moment: datetime, *, warning_days: int) -> date:
    """The first day that is more than `warning_days` working days away."""
    return add_workdays(calendar, shanghai(moment), warning_days + 1)


def due(
    calendar: Calendar,
    limit: Limit,
    started_at: datetime,
    spans: Iterable[Span] = (),
    *,
    extension: int = 0,
) -> Due:
    """When a period ends; `extension` adds working days, whatever the unit of the period."""
    start = shanghai(started_at)
    apart = merged(spans)
    if limit.unit in (Unit.HOUR, Unit.MINUTE):
        moment = _moment(limit, started_at, apart)
        day = shanghai(moment)
        if extension == 0:
            return _due(calendar, start, day, moment)
    elif limit.unit is Unit.WORKING_DAY:
        day = add_workdays(calendar, start, limit.value + extension, apart)
        return _due(calendar, start, day)
    else:
        day = _calendar_end(limit, start, apart)
        while not calendar.is_workday(day):
            day += DAY
    return _due(calendar, start, add_workdays(calendar, day, extension, apart))


def _due(calendar: Calendar, start: date, day: date, moment: datetime | None = None) -> Due:
    provisional, name = calendar.provisional(start, day), calendar.name(start, day)
    return Due(day, moment or end_of(day), provisional, name)


def _moment(limit: Limit, started_at: datetime, apart: list[Span]) -> datetime:
    """Hours run from the moment set (民法典 201 §2); whole suspended days are leapt over."""
    length = timedelta(hours=1) if limit.unit is Unit.HOUR else timedelta(minutes=1)
    moment = started_at.astimezone(CHINA) + length * limit.value
    for span in apart:
        begin = datetime.combine(span.first, time(), CHINA)
        if started_at < end_of(span.last) and begin < moment:
            moment += end_of(span.last) - max(begin, started_at)
    return moment


def _calendar_end(limit: Limit, start: date, apart: list[Span]) -> date:
    """Each suspended day between start and end moves the end by a day."""
    day = start + DAY * limit.value
    if limit.unit is Unit.MONTH:
        # The matching day, or the last day of a shorter month (民法典 202).
        year, month = divmod(start.year * 12 + start.month - 1 + limit.value, 12)
        day = date(year, month + 1, min(start.day, monthrange(year, month + 1)[1]))
    for span in apart:
        if span.first <= day and span.last > start:
            day += DAY * ((span.last - max(span.first, start + DAY)).days + 1)
    return day


def _leap(day: date, apart: list[Span]) -> date:
    """The day itself, or the first day after the span it lies in."""
    for span in apart:
        if span.first <= day <= span.last:
            return span.last + DAY
    return day
