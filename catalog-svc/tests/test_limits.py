import pytest

from catalog_svc.items.rules import limits


def of(value, unit):
    return {"value": value, "unit": unit, "note": None}


@pytest.mark.parametrize(
    ("promise", "legal", "holds"),
    [
        (of(10, "working_day"), of(20, "working_day"), True),
        (of(20, "working_day"), of(20, "working_day"), True),
        (of(21, "working_day"), of(20, "working_day"), False),
        (of(20, "working_day"), of(20, "calendar_day"), False),  # four weeks against twenty days
        (of(20, "calendar_day"), of(20, "working_day"), True),
        (of(30, "calendar_day"), of(1, "month"), True),
        (of(31, "calendar_day"), of(1, "month"), False),
        (of(365, "calendar_day"), of(1, "year"), True),
        (of(13, "month"), of(1, "year"), False),
        (of(24, "hour"), of(1, "calendar_day"), True),
        (of(61, "minute"), of(1, "hour"), False),
        (of(99, "month"), of(0, "working_day"), True),  # no limit by law
    ],
)
def test_a_promise_may_not_exceed_the_law(promise, legal, holds):
    assert limits.promise_holds(promise, legal) is holds


@pytest.mark.parametrize(
    ("promise", "immediate"),
    [
        (of(1, "working_day"), True),
        (of(0, "working_day"), True),
        (of(2, "working_day"), False),
        (of(24, "hour"), True),
        (of(25, "hour"), False),
        (of(1440, "minute"), True),
        (of(1, "calendar_day"), True),
        (of(1, "month"), False),
    ],
)
def test_immediate_is_at_most_a_working_day(promise, immediate):
    assert limits.is_immediate(promise) is immediate


def test_steps_must_fit_in_the_promise():
    steps = [of(1, "working_day"), of(8, "hour")]
    assert limits.total_fits(steps, of(2, "working_day"))
    assert not limits.total_fits(steps, of(1, "working_day"))
    assert limits.total_fits([], of(0, "minute"))


def test_zero_is_no_limit():
    assert limits.is_open(of(0, "month"))
    assert not limits.is_open(of(1, "minute"))
