"""The calendar as it is sent and shown."""

from datetime import date
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from case_svc.clocks.models import CalendarDay, CalendarYear
from case_svc.clocks.rules.legal_time import provisional_year
from case_svc.clocks.usecases import NamedDay


class DayIn(BaseModel):
    """A day that deviates from the weekend rule, or bears a name."""

    model_config = ConfigDict(extra="forbid")

    date: date
    is_workday: bool
    name: Annotated[str, StringConstraints(min_length=1, max_length=50)] | None = None


class CalendarIn(BaseModel):
    """A whole year; days not named follow the weekend rule."""

    model_config = ConfigDict(extra="forbid")

    source: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000)]
    days: list[DayIn] = Field(max_length=366)

    def named_days(self) -> list[NamedDay]:
        return [NamedDay(day.date, day.is_workday, day.name) for day in self.days]


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


def calendar_out(year: int, official: CalendarYear | None, days: list[CalendarDay]) -> CalendarOut:
    shown = [DayOut(date=day.day, is_workday=day.is_workday, name=day.name) for day in days]
    if official is None:
        shown = [
            DayOut(date=day, is_workday=is_workday, name=None)
            for day, is_workday in provisional_year(year)
        ]
    return CalendarOut(
        year=year,
        version=official.version if official else 0,
        provisional=official is None,
        source=official.source if official else None,
        workdays=sum(day.is_workday for day in shown),
        days=shown,
    )
