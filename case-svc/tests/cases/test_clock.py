"""The clock: the vectors of the law's reading, invariants, and a second opinion."""

import itertools
from datetime import UTC, date, datetime, timedelta

import chinese_calendar
import pytest
from hypothesis import given
from hypothesis import strategies as st

from case_svc.clocks.rules import legal_time as clock
from case_svc.clocks.rules.legal_time import CHINA, Calendar, Due, Light, Limit, Span, Tally, Unit

YEARS = range(2004, 2027)


def official() -> Calendar:
    first, last = date(2004, 1, 1), date(2026, 12, 31)
    days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    return Calendar({d: chinese_calendar.is_workday(d) for d in days}, dict.fromkeys(YEARS, 1))


CALENDAR = official()


def d(text: str) -> date:
    return date.fromisoformat(text)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=CHINA)


def spans(*pairs):
    return [Span(d(first), d(last)) for first, last in pairs]


TEN, THREE = Limit(10, Unit.CALENDAR_DAY), Limit(3, Unit.CALENDAR_DAY)

# Every row of the legal vectors.
VECTORS = [
    ("2026-02-10", 5, [], 0, "2026-02-24"),
    ("2026-09-25", 20, [], 0, "2026-10-29"),
    ("2026-09-30", 20, [], 0, "2026-11-03"),
    ("2026-04-30", 10, [], 0, "2026-05-18"),
    ("2026-03-02", 20, [], 0, "2026-03-30"),
    ("2026-03-02", 20, [("2026-03-09", "2026-03-13")], 0, "2026-04-07"),
    (
        "2026-03-02",
        20,
        [("2026-03-09", "2026-03-13"), ("2026-03-12", "2026-03-17")],
        0,
        "2026-04-09",
    ),
    ("2026-03-02", 20, [("2026-03-10", "2026-03-13")], 0, "2026-04-03"),
    ("2026-03-02", 20, [], 10, "2026-04-14"),
]


@pytest.mark.parametrize(("start", "count", "out", "extension", "due"), VECTORS)
def test_vectors(start, count, out, extension, due):
    limit = Limit(count, Unit.WORKING_DAY)
    found = clock.due(CALENDAR, limit, at(f"{start}T10:00"), spans(*out), extension=extension)
    assert found.on == d(due)
    assert found.at == at(f"{due}T00:00") + timedelta(days=1)
    assert not found.provisional
    assert found.calendar == "2026:1"
    assert clock.add_workdays(CALENDAR, d(start), count + extension, spans(*out)) == d(due)


def test_procedure_counts_the_day_it_starts_on():
    assert clock.excluded(d("2026-03-09"), d("2026-03-13")) == Span(
        d("2026-03-10"), d("2026-03-13")
    )
    assert clock.excluded(d("2026-03-09"), d("2026-03-09")) is None


def test_receipt_day_is_the_day_in_shanghai():
    friday_night = datetime(2026, 3, 6, 15, 59, tzinfo=UTC)
    assert clock.shanghai(friday_night) == d("2026-03-06")
    assert clock.shanghai(friday_night + timedelta(minutes=1)) == d("2026-03-07")
    one_day = Limit(1, Unit.WORKING_DAY)
    assert clock.due(CALENDAR, one_day, friday_night).on == d("2026-03-09")


@pytest.mark.parametrize(
    ("start", "limit", "out", "extension", "due"),
    [
        ("2026-03-02T10:00", TEN, [], 0, "2026-03-12"),
        # A period that would end on a Saturday ends on the Monday after (民法典 203).
        ("2026-03-02T10:00", Limit(12, Unit.CALENDAR_DAY), [], 0, "2026-03-16"),
        ("2026-02-10T10:00", Limit(5, Unit.CALENDAR_DAY), [], 0, "2026-02-24"),
        ("2026-03-02T10:00", TEN, [("2026-03-04", "2026-03-05")], 0, "2026-03-16"),
        ("2026-03-02T10:00", THREE, [("2026-02-20", "2026-03-03")], 0, "2026-03-06"),
        ("2026-03-02T10:00", THREE, [("2026-03-20", "2026-03-25")], 0, "2026-03-05"),
        ("2026-03-02T10:00", THREE, [("2026-02-20", "2026-03-02")], 0, "2026-03-05"),
        ("2026-03-02T10:00", TEN, [], 2, "2026-03-16"),
        ("2026-01-31T10:00", Limit(1, Unit.MONTH), [], 0, "2026-02-28"),
        ("2026-03-13T10:00", Limit(1, Unit.MONTH), [], 0, "2026-04-13"),
        ("2025-11-30T10:00", Limit(3, Unit.MONTH), [], 0, "2026-02-28"),
        ("2026-03-02T10:00", Limit(4, Unit.HOUR), [], 0, "2026-03-02"),
        ("2026-03-02T22:00", Limit(4, Unit.HOUR), [], 0, "2026-03-03"),
        ("2026-03-02T10:00", Limit(4, Unit.HOUR), [], 1, "2026-03-03"),
    ],
)  # fmt: skip
def test_other_units(start, limit, out, extension, due):
    found = clock.due(CALENDAR, limit, at(start), spans(*out), extension=extension)
    assert found.on == d(due)


def test_hours_run_from_the_moment_set():
    found = clock.due(CALENDAR, Limit(90, Unit.MINUTE), at("2026-03-02T10:15"))
    assert found == Due(
        d("2026-03-02"), at("2026-03-02T11:45"), provisional=False, calendar="2026:1"
    )


@pytest.mark.parametrize(
    ("out", "due"),
    [
        ([("2026-03-03", "2026-03-04")], "2026-03-05T08:00"),
        ([("2026-03-02", "2026-03-02")], "2026-03-03T10:00"),
        ([("2026-02-20", "2026-03-01")], "2026-03-03T08:00"),
        ([("2026-03-05", "2026-03-09")], "2026-03-03T08:00"),
    ],
)
def test_hours_leap_over_suspended_days(out, due):
    found = clock.due(CALENDAR, Limit(10, Unit.HOUR), at("2026-03-02T22:00"), spans(*out))
    assert found.at == at(due)


def test_year_without_calendar_is_provisional_and_knows_fixed_days():
    found = clock.due(CALENDAR, Limit(5, Unit.WORKING_DAY), at("2026-12-30T10:00"))
    # 2027-01-01 is New Year, a Friday; 12-31 counts.
    assert (found.on, found.provisional) == (d("2027-01-07"), True)
    assert found.calendar == "2026:1,2027:0"
    year = dict(clock.provisional_year(2027))
    assert len(year) == 365
    assert not year[d("2027-10-01")]
    assert not year[d("2027-01-02")]
    assert year[d("2027-01-04")]


def test_nothing_to_count_ends_on_the_day_itself():
    assert clock.add_workdays(CALENDAR, d("2026-03-07"), 0) == d("2026-03-07")


@pytest.mark.parametrize(
    ("today", "left"),
    [("2026-03-27", 1), ("2026-03-30", 0), ("2026-03-31", -1), ("2026-03-02", 20)],
)
def test_remaining_is_negative_when_overdue(today, left):
    assert clock.remaining(CALENDAR, d(today), d("2026-03-30")) == left


@pytest.mark.parametrize(
    ("moment", "light"),
    [
        ("2026-03-26T10:00", Light.GREEN),
        ("2026-03-27T10:00", Light.YELLOW),
        ("2026-03-30T23:59", Light.YELLOW),
        ("2026-03-31T00:00", Light.RED),
    ],
)
def test_lights(moment, light):
    due_on = d("2026-03-30")
    green_from = clock.green_from(CALENDAR, at(moment), warning_days=1)
    assert clock.light(green_from, at(moment), due_on, clock.end_of(due_on)) is light


DAYS = st.dates(date(2005, 1, 1), date(2025, 6, 30))


@given(today=DAYS, away=st.integers(-30, 60), warning_days=st.integers(0, 10))
def test_light_tells_the_working_days_that_are_left(today, away, warning_days):
    due_on = today + timedelta(days=away)
    moment = datetime.combine(today, datetime.min.time(), CHINA) + timedelta(hours=9)
    green_from = clock.green_from(CALENDAR, moment, warning_days=warning_days)
    found = clock.light(green_from, moment, due_on, clock.end_of(due_on))
    left = clock.remaining(CALENDAR, today, due_on)
    if due_on < today:
        assert found is Light.RED
    else:
        assert found is (Light.YELLOW if left <= warning_days else Light.GREEN)


SPANS = st.lists(
    st.builds(
        lambda first, length: Span(first, first + timedelta(days=length)),
        st.dates(date(2005, 1, 1), date(2025, 12, 31)),
        st.integers(0, 40),
    ),
    max_size=4,
)


@given(DAYS, st.integers(1, 60))
def test_second_opinion(start, count):
    day, left = start, count
    while left:
        day += timedelta(days=1)
        left -= chinese_calendar.is_workday(day)
    assert clock.add_workdays(CALENDAR, start, count) == day


@given(DAYS, st.integers(0, 300), SPANS)
def test_every_day_is_counted_suspended_or_rest(start, length, out):
    end = start + timedelta(days=length)
    found = clock.tally(CALENDAR, start, end, out)
    assert found.counted + found.suspended + found.rest == length
    assert min(found.counted, found.suspended, found.rest) >= 0


@given(DAYS, st.integers(1, 40), SPANS)
def test_due_is_the_day_on_which_the_count_is_full(start, count, out):
    due = clock.add_workdays(CALENDAR, start, count, out)
    assert clock.working_days(CALENDAR, start, due, out) == count
    assert clock.working_days(CALENDAR, start, due - timedelta(days=1), out) == count - 1


@given(DAYS, st.integers(1, 20), st.integers(1, 10), SPANS)
def test_extension_and_suspension_never_bring_the_date_forward(start, count, more, out):
    plain = clock.add_workdays(CALENDAR, start, count)
    assert clock.add_workdays(CALENDAR, start, count, out) >= plain
    assert clock.add_workdays(CALENDAR, start, count + more) > plain


@given(SPANS)
def test_merging_keeps_the_days_and_leaves_gaps(out):
    def days(several):
        return {
            one.first + timedelta(days=n)
            for one in several
            for n in range((one.last - one.first).days + 1)
        }

    merged = clock.merged(out)
    assert days(merged) == days(out)
    for one, other in itertools.pairwise(merged):
        assert other.first > one.last + timedelta(days=1)


@given(DAYS, st.times(), st.sampled_from(Unit), SPANS)
def test_due_is_never_before_the_start(start, hour, unit, out):
    started_at = datetime.combine(start, hour, UTC)
    found = clock.due(CALENDAR, Limit(3, unit), started_at, out)
    assert found.at > started_at
    assert found.on >= clock.shanghai(started_at)


def test_tally_of_an_empty_stretch():
    assert clock.tally(CALENDAR, d("2026-03-02"), d("2026-03-02")) == Tally(0, 0, 0)
    assert clock.tally(CALENDAR, d("2026-03-02"), d("2026-03-01")) == Tally(0, 0, 0)
